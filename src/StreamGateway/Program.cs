await StreamGateway.Composition.Build(args).RunAsync();

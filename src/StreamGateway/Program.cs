using StreamGateway;

// Shows viewers the ledger as it changes. Composition lists the parts.
var app = Composition.Build(args);
await app.RunAsync();

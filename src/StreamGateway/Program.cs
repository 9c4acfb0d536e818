using StreamGateway;

// Shows viewers what the feed and the ledger say. Composition says of what it is made.
var app = Composition.Build(args);
await app.RunAsync();

using CdcRedisUpdater;

// Makes Redis forget what it cannot have right. Composition says of what it is made.
var app = Composition.Build(args);
await app.RunAsync();

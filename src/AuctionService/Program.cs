using AuctionService;

// Creates auctions, reads them, starts and ends them. Composition says of what it is made.
var app = Composition.Build(args);
await app.RunAsync();

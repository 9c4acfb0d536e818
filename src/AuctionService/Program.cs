using AuctionService;

// Creates and reads auctions, starts them, and closes them on time. Composition lists the parts.
await Composition.Build(args).RunAsync();

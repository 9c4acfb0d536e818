using BiddingService;

// Decides bids and persists them: see PlaceBid.
await Composition.Build(args).RunAsync();

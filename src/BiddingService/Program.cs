using BiddingService;

// Decides bids and commits them to the ledger. The path of a bid begins in BiddingRpc; PlaceBid describes it.
await Composition.Build(args).RunAsync();

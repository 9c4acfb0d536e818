using System.ComponentModel.DataAnnotations;

namespace BiddingService;

/// <summary>Section <c>Bidding</c> of the configuration.</summary>
internal sealed class BiddingOptions
{
    public const string Section = "Bidding";

    /// <summary>Bids that may be between their arrival and their answer, in all.</summary>
    [Range(1, 1_000_000)]
    public int InFlightMax { get; set; } = 20_000;

    /// <summary>Bids of one auction that may wait to be decided: a hot auction may not take it all.</summary>
    [Range(1, 1_000_000)]
    public int WaitingPerAuctionMax { get; set; } = 8_192;

    /// <summary>Bids that go to Redis in one call.</summary>
    [Range(1, 256)]
    public int DecideBidsMax { get; set; } = 256;

    /// <summary>Lanes to the ledger, each with a connection and one commit in flight.</summary>
    [Range(1, 64)]
    public int Lanes { get; set; } = 4;

    /// <summary>Bids that one commit takes at most.</summary>
    [Range(1, 2_000)]
    public int CommitEntriesMax { get; set; } = 500;
}

using Auctions.Grpc;
using Auctions.Hosting;

namespace BiddingService;

/// <summary>Section <c>Bidding</c> of the configuration: the bounds of the bid path.</summary>
internal sealed class BiddingOptions : ISectionOptions
{
    public static string Section => "Bidding";

    /// <summary>Bids that may be between their arrival and their answer, in all. 1 to 1,000,000.</summary>
    public int InFlightMax { get; set; } = 20_000;

    /// <summary>Bids of one PlaceBids stream that may be. 1 to 10,000.</summary>
    public int InFlightPerStreamMax { get; set; } = 256;

    /// <summary>Bids of one auction that may wait to be decided: a hot auction may not take it all. 1 to 1,000,000.</summary>
    public int WaitingPerAuctionMax { get; set; } = 8_192;

    /// <summary>Bids that go to Redis in one call. 1 to 256.</summary>
    public int DecideBidsMax { get; set; } = 256;

    /// <summary>
    /// Lanes to the ledger, each with a connection and one commit in flight. 1 to 64. Where bids are spread over many auctions, fewer lanes
    /// make fuller commits, which cost less a bid; more lanes let one wait for a lock alone.
    /// </summary>
    public int Lanes { get; set; } = Math.Clamp(Environment.ProcessorCount / 2, 1, 8);

    /// <summary>Bids that one commit takes at most. 1 to 2,000.</summary>
    public int CommitEntriesMax { get; set; } = 500;

    /// <summary>Milliseconds after which entries that are in the ledger are taken out of what is pending in Redis, together. 1 to 60,000.</summary>
    public int TrimPendingMs { get; set; } = 1_000;

    /// <summary>Seconds between two looks for what dead services left pending. 1 to 3,600.</summary>
    public int SweepSeconds { get; set; } = 10;

    public IEnumerable<string> Failures()
    {
        (string Key, int Value, int Max)[] bounds =
        [
            (nameof(InFlightMax), InFlightMax, 1_000_000), (nameof(InFlightPerStreamMax), InFlightPerStreamMax, 10_000),
            (nameof(WaitingPerAuctionMax), WaitingPerAuctionMax, 1_000_000), (nameof(DecideBidsMax), DecideBidsMax, 256),
            (nameof(Lanes), Lanes, 64), (nameof(CommitEntriesMax), CommitEntriesMax, 2_000), (nameof(TrimPendingMs), TrimPendingMs, 60_000), (nameof(SweepSeconds), SweepSeconds, 3_600),
        ];
        return bounds.Where(b => b.Value < 1 || b.Value > b.Max)
            .Select(b => $"{Section}:{b.Key} must be 1 to {b.Max}, and is {b.Value}.");
    }
}

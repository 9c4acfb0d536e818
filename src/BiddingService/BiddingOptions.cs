using Auctions.Hosting;

namespace BiddingService;

/// <summary>Section <c>Bidding</c> of the configuration: the bounds of the bid path.</summary>
internal sealed class BiddingOptions : ISectionOptions
{
    public static string Section => "Bidding";

    /// <summary>
    /// Calls that wait for the answer to a bid at the same time, in the whole process. 1 to 1,000,000.
    /// </summary>
    public int InFlightMax { get; set; } = 20_000;

    /// <summary>Bids of one PlaceBids stream that wait for their answers at the same time. 1 to 10,000.</summary>
    public int InFlightPerStreamMax { get; set; } = 256;

    /// <summary>
    /// Bids of one auction that wait for a decision, so that a hot auction does not use up <see cref="InFlightMax"/>.
    /// 1 to 1,000,000.
    /// </summary>
    public int WaitingPerAuctionMax { get; set; } = 8_192;

    /// <summary>Bids that one call to Redis decides. 1 to 256.</summary>
    public int DecideBidsMax { get; set; } = 256;

    /// <summary>
    /// Lanes to the ledger, each with one commit in flight on one connection. 1 to 64. If the bids are spread over many
    /// auctions, fewer lanes make larger commits, which cost less per bid; with more lanes, fewer auctions wait for a
    /// lane that waits for a lock.
    /// </summary>
    public int Lanes { get; set; } = Math.Clamp(Environment.ProcessorCount / 2, 1, 8);

    /// <summary>Bids that one commit takes. 1 to 2,000.</summary>
    public int CommitEntriesMax { get; set; } = 500;

    /// <summary>Milliseconds between two removals of committed entries from Redis' pending ones. 1 to 60,000.</summary>
    public int TrimPendingMs { get; set; } = 1_000;

    /// <summary>Seconds between two sweeps for entries that dead services left pending. 1 to 3,600.</summary>
    public int SweepSeconds { get; set; } = 10;

    public IEnumerable<string> Failures()
    {
        (string Key, int Value, int Max)[] bounds =
        [
            (nameof(InFlightMax), InFlightMax, 1_000_000),
            (nameof(InFlightPerStreamMax), InFlightPerStreamMax, 10_000),
            (nameof(WaitingPerAuctionMax), WaitingPerAuctionMax, 1_000_000),
            (nameof(DecideBidsMax), DecideBidsMax, 256),
            (nameof(Lanes), Lanes, 64),
            (nameof(CommitEntriesMax), CommitEntriesMax, 2_000),
            (nameof(TrimPendingMs), TrimPendingMs, 60_000),
            (nameof(SweepSeconds), SweepSeconds, 3_600),
        ];
        return bounds.Where(b => b.Value < 1 || b.Value > b.Max)
            .Select(b => $"{Section}:{b.Key} must be 1 to {b.Max}, and is {b.Value}.");
    }
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// Decides bids while Redis does not answer (ADR 5): with the rules of <c>Auctions.Core</c>, on the ledger's head, and
/// by the ledger's clock, because this process' clock may be wrong. The decisions are as speculative as those of Redis:
/// the append takes them, or finds a conflict if another instance has moved the head.
/// </summary>
internal sealed class LedgerDecider(ILedger ledger, VelocityLimit velocity)
{
    /// <returns>One decision for each bid, in order, each on the state that the one before it left.</returns>
    /// <exception cref="AuctionNotFoundException">There is no such auction.</exception>
    public async Task<DecidedBatch> DecideAsync(Guid auctionId, IReadOnlyList<BidTicket> bids)
    {
        var (head, nowUs) = await ledger.ReadHeadAndClockAsync(auctionId, CancellationToken.None)
            ?? throw new AuctionNotFoundException(auctionId);
        var windows = await VelocityWindows.ReadAsync(ledger, velocity, auctionId, bids, nowUs);
        var decisions = new DecidedBid[bids.Count];
        for (var i = 0; i < decisions.Length; i++)
        {
            var ticket = bids[i];
            var decided = DecidedBid.Decide(
                auctionId, head, ticket.NextId(), ticket.Bid, nowUs, windows.Admits(ticket));
            head = head.After(decided);
            decisions[i] = decided;
        }

        return new DecidedBatch(head.Terms, decisions);
    }
}

/// <summary>
/// The recent decision times of a batch's bidders on one auction, from the ledger. They replace Redis' velocity
/// windows.
/// </summary>
internal sealed class VelocityWindows
{
    private readonly VelocityLimit _limit;
    private readonly long _nowUs;
    private readonly Dictionary<string, List<long>> _decidedUs;

    private VelocityWindows(VelocityLimit limit, long nowUs, Dictionary<string, List<long>> decidedUs) =>
        (_limit, _nowUs, _decidedUs) = (limit, nowUs, decidedUs);

    public static async Task<VelocityWindows> ReadAsync(
        ILedger ledger, VelocityLimit limit, Guid auctionId, IEnumerable<BidTicket> batch, long nowUs)
    {
        string[] bidders = limit.BidsMax == 0 ? [] : [.. batch.Where(Counts).Select(t => t.Bid.Bidder).Distinct()];
        if (bidders.Length == 0) return new VelocityWindows(limit, nowUs, []);
        var times = await ledger.ReadDecisionTimesAsync(
            auctionId, bidders, nowUs - limit.WindowUs, CancellationToken.None);
        return new VelocityWindows(limit, nowUs, bidders.ToDictionary(b => b, b => times[b].ToList()));
    }

    /// <summary>Whether the velocity limit allows this bid. If it does, the bid counts for those after it.</summary>
    public bool Admits(BidTicket ticket)
    {
        if (!Counts(ticket) || !_decidedUs.TryGetValue(ticket.Bid.Bidder, out var times)) return true;
        if (!_limit.Admits(times, _nowUs)) return false;
        times.Add(_nowUs);
        return true;
    }

    /// <summary>A bid that is decided again was counted the first time.</summary>
    private static bool Counts(BidTicket ticket) => ticket is { Limited: true, Decided: null };
}

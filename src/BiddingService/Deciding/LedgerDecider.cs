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
            if (decided.Accepted) windows.Count(ticket);
            decisions[i] = decided;
        }

        return new DecidedBatch(head.Terms, decisions);
    }
}

/// <summary>
/// When recent bids of a batch's bidders on one auction were accepted, from the ledger. This replaces Redis' velocity
/// windows. A bid that is decided again is not in the ledger, so it is not counted yet.
/// </summary>
internal sealed class VelocityWindows
{
    private readonly VelocityLimit _limit;
    private readonly long _nowUs;
    private readonly Dictionary<string, List<long>> _acceptedUs;

    private VelocityWindows(VelocityLimit limit, long nowUs, Dictionary<string, List<long>> acceptedUs) =>
        (_limit, _nowUs, _acceptedUs) = (limit, nowUs, acceptedUs);

    public static async Task<VelocityWindows> ReadAsync(
        ILedger ledger, VelocityLimit limit, Guid auctionId, IEnumerable<BidTicket> batch, long nowUs)
    {
        string[] bidders = limit.BidsMax == 0 ? [] : [.. batch.Where(Counts).Select(t => t.Bid.Bidder).Distinct()];
        if (bidders.Length == 0) return new VelocityWindows(limit, nowUs, []);
        var times = await ledger.ReadDecisionTimesAsync(
            auctionId, bidders, nowUs - limit.WindowUs, CancellationToken.None);
        return new VelocityWindows(limit, nowUs, bidders.ToDictionary(b => b, b => times[b].ToList()));
    }

    /// <summary>Whether the velocity limit allows this bid.</summary>
    public bool Admits(BidTicket ticket) =>
        !Counts(ticket) || !_acceptedUs.TryGetValue(ticket.Bid.Bidder, out var times) || _limit.Admits(times, _nowUs);

    /// <summary>Counts a bid that was accepted, for those after it.</summary>
    public void Count(BidTicket ticket)
    {
        if (Counts(ticket) && _acceptedUs.TryGetValue(ticket.Bid.Bidder, out var times)) times.Add(_nowUs);
    }

    private static bool Counts(BidTicket ticket) => ticket is { Limited: true, Bid.IsCounted: true };
}

using Auctions.Core;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>How fast the bidders of one batch have bid on an auction, by the ledger: what Redis' windows tell while it is there.</summary>
internal sealed class BidderVelocity
{
    private readonly VelocityLimit _limit;
    private readonly long _nowUs;
    private readonly Dictionary<string, List<long>> _decidedUs;

    private BidderVelocity(VelocityLimit limit, long nowUs, Dictionary<string, List<long>> decidedUs) =>
        (_limit, _nowUs, _decidedUs) = (limit, nowUs, decidedUs);

    public static async Task<BidderVelocity> ReadAsync(
        ILedger ledger, VelocityLimit limit, Guid auctionId, IEnumerable<BidTicket> batch, long nowUs)
    {
        string[] bidders = limit.BidsMax == 0 ? [] : [.. batch.Where(Counts).Select(t => t.Bid.Bidder).Distinct()];
        if (bidders.Length == 0) return new BidderVelocity(limit, nowUs, []);
        var times = await ledger.ReadDecisionTimesAsync(auctionId, bidders, nowUs - limit.WindowUs, CancellationToken.None);
        return new BidderVelocity(limit, nowUs, bidders.ToDictionary(b => b, b => times[b].ToList()));
    }

    /// <summary>Whether this bid is to be decided; it counts from now on.</summary>
    public bool Admits(BidTicket ticket)
    {
        if (!Counts(ticket) || !_decidedUs.TryGetValue(ticket.Bid.Bidder, out var times)) return true;
        if (!_limit.Admits(times, _nowUs)) return false;
        times.Add(_nowUs);
        return true;
    }

    /// <summary>One that is decided again was counted the first time.</summary>
    private static bool Counts(BidTicket ticket) => ticket is { Limited: true, Decided: null };
}

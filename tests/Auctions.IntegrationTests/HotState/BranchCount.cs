using Auctions.Core;

namespace Auctions.IntegrationTests.HotState;

/// <summary>
/// How often each branch of the rules was taken. A random test that no longer reaches a branch must fail, not pass.
/// </summary>
internal sealed class BranchCount
{
    private readonly Dictionary<string, int> _counts = [];

    public int Bids { get; private set; }

    public void Count(Terms terms, DecidedBid decided)
    {
        Bids++;
        var (bid, before, after) = (decided.Bid, decided.Before, decided.After);
        var rebid = bid.Bidder == before.Leader;
        Seen($"{decided.Outcome} {decided.Reason}");
        Seen($"{decided.Outcome} {bid.Kind}");
        Seen($"{terms.Increment.GetType().Name} {decided.Outcome}");
        Seen("at the end", decided.DecidedUs == before.EndUs);
        Seen("at the start", decided.DecidedUs == terms.StartUs);
        Seen("too late to buy: the reserve was just met", decided.Reason == RejectionReason.BuyNowWithdrawn
            && before.BidCount > 0 && before.Price == terms.Reserve && terms.BuyNow > before.Ceiling);
        if (!decided.Accepted) return;

        var left = before.EndUs - decided.DecidedUs;
        var soft = terms.SoftClose;
        Seen("first bid", before.BidCount == 0);
        Seen($"leader again, {bid.Kind}", rebid);
        Seen("tie", !rebid && before.BidCount > 0 && bid.Limit == before.Ceiling);
        Seen("just above the ceiling", !rebid && before.BidCount > 0 && bid.Limit == before.Ceiling + 1);
        Seen("both amounts", bid is { Amount: > 0, Max: > 0 });
        Seen("reserve met by this bid", terms.Reserve > before.Price && after.Price == terms.Reserve);
        Seen("reserve still unmet", terms.Reserve > after.Price);
        Seen("ceiling holds the price",
            decided.Outcome == BidOutcome.Outbid && after.Price == after.Ceiling && bid.Limit < after.Ceiling);
        Seen("increment saturates", terms.Increment.Above(bid.Limit) > Currency.MaxAmount);
        Seen("on a step of the ladder", IsStep(decided.Outcome == BidOutcome.Outbid ? bid.Limit : before.Price));
        Seen("near 2^53", after.Price > Currency.MaxAmount - 10);
        Seen("scheduled becomes active", before.Status == AuctionStatus.Scheduled);
        Seen("end moves", after.Extensions > before.Extensions);
        Seen("extensions used up", left <= soft.WindowUs && before.Extensions >= soft.MaxExtensions);
        Seen("end would move back", left <= soft.WindowUs && left >= soft.ExtensionUs);
        Seen("in the last microsecond", left == 1);
        Seen("exactly at the window", soft.MaxExtensions > 0 && left == soft.WindowUs);
        Seen("a microsecond before the window", soft.MaxExtensions > 0 && left == soft.WindowUs + 1);

        bool IsStep(long price) =>
            terms.Increment is Increment.Ladder ladder && price > 0 && ladder.At(price) != ladder.At(price - 1);
    }

    public void Seen(string branch, bool seen = true)
    {
        if (seen) _counts[branch] = _counts.GetValueOrDefault(branch) + 1;
    }

    /// <summary>Fails with all counts if one of these branches was taken less often.</summary>
    public void AssertEach(int least, params IEnumerable<string> branches)
    {
        foreach (var branch in branches)
        {
            var count = _counts.GetValueOrDefault(branch);
            Assert.True(count >= least, $"'{branch}' was taken {count} times, not {least}. {this}");
        }
    }

    public override string ToString() =>
        string.Join("; ", _counts.OrderBy(c => c.Value).Select(c => $"{c.Key}: {c.Value}"));
}

using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I3: nobody gets a bid in after the end. I9: every auction whose end has come is sealed, once, and within a second, not counting the time
/// in which something was broken and had not yet been whole again for a moment.
/// </summary>
internal static class EndCheck
{
    /// <summary>Promise I9.</summary>
    public const long LatestSealUs = 1_000_000;

    /// <summary>
    /// "At once when it comes back up": what a service takes to notice. A busy machine that starts .NET processes needs that long too.
    /// </summary>
    public const long RecoveryUs = 3_000_000;

    /// <summary>Two clocks of one machine, read at different moments: no more than this apart.</summary>
    private const long ClockSlackUs = 50_000;

    public static void Check(AuctionEvidence auction, RunEvidence run, Findings found)
    {
        var entries = auction.Ledger.Where(r => r.Version is not null).OrderBy(r => r.Version).ToList();
        var seals = entries.Count(r => r.Kind == EntryKind.Sealed);
        if (seals > 1) found.Report("I9", auction.Id, null, $"sealed {seals} times");
        if (entries is not [.., { After: { } state } last]) return;
        if (last.Kind == EntryKind.Sealed)
        {
            if (last.EndReason is EndReason.Time or EndReason.BoughtNow) InTime(auction.Id, state.EndUs, last.DecidedUs, run, found);
        }
        else if (run.RestUs - state.EndUs > LatestSealUs)
        {
            found.Report("I9", auction.Id, last.Version, $"it should have been sealed {(run.RestUs - state.EndUs) / 1e6:0.0} s ago");
        }

        var ends = entries.Where(e => e.After is not null).GroupBy(e => e.Version!.Value).ToDictionary(g => g.Key, g => g.First().After!.EndUs);
        foreach (var bid in auction.Sent.Where(b => b.Answer is { Accepted: true }))
        {
            if (ends.TryGetValue(bid.Answer!.Version - 1, out var end) && run.EpochUs + bid.BeganUs > end + ClockSlackUs)
                found.Report("I3", auction.Id, bid.Answer.Version, $"a bid of {bid.Bid.Bidder} was first sent {(run.EpochUs + bid.BeganUs - end) / 1000.0:0.0} ms after the end, and accepted");
        }
    }

    private static void InTime(Guid id, long endUs, long sealedUs, RunEvidence run, Findings found)
    {
        // What is left of the delay once the disturbed stretches, which may overlap, are taken out.
        var (undisturbed, reached) = (0L, endUs);
        foreach (var (from, to) in run.Disturbances.Select(d => (d.FromUs, To: d.ToUs + RecoveryUs)).OrderBy(d => d.FromUs))
        {
            if (to <= reached || from >= sealedUs) continue;
            undisturbed += Math.Max(0, from - reached);
            reached = Math.Max(reached, to);
        }

        undisturbed += Math.Max(0, sealedUs - reached);
        if (undisturbed > LatestSealUs)
            found.Report("I9", id, null, $"sealed {(sealedUs - endUs) / 1e6:0.00} s after its end, {undisturbed / 1e6:0.00} s of it with nothing broken");
    }
}

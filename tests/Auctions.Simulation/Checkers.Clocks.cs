using Auctions.Core;

namespace Auctions.Simulation;

/// <summary>What stays true whatever the clocks of Redis and of the services say.</summary>
internal static partial class Checkers
{
    /// <summary>How far a deciding clock may be ahead of the ledger's before the ledger refuses the decision.</summary>
    private const long AheadMaxUs = 1_000_000;

    /// <summary>A wave of the guard, and the network.</summary>
    private const long ClosingMaxUs = 2_000_000;

    private static void AddClockViolations(World world, List<string> violations)
    {
        foreach (var chain in world.Ledger.Chains.Values)
        {
            APurchaseIsFinal(chain, violations);
            TimesNeverFall(chain, violations);
            NothingIsAhead(chain, violations);
            TheLedgersClockEnds(chain, world.HealedUs, violations);
        }

        AcknowledgementsStand(world, violations);
    }

    /// <summary>Only the sealing entry can follow a purchase, and it sells to the buyer.</summary>
    private static void APurchaseIsFinal(Chain chain, List<string> violations)
    {
        var bought = chain.Entries.FindIndex(e => e.Bid?.Kind == BidKind.BuyNow);
        if (bought < 0) return;
        if (bought != chain.Entries.Count - 2) violations.Add($"I3: entries follow the purchase at {bought}");
        var (purchase, last) = (chain.Entries[bought], chain.Entries[^1]);
        if (last.Kind != EntryKind.Sealed) return;
        if (last.Winner != purchase.Bid!.Bidder || last.EndReason != EndReason.BoughtNow)
            violations.Add($"I3: bought by {purchase.Bid.Bidder}, ended as {last.EndReason} for '{last.Winner}'");
    }

    private static void TimesNeverFall(Chain chain, List<string> violations)
    {
        for (var v = 1; v < chain.Entries.Count; v++)
        {
            var (before, entry) = (chain.Entries[v - 1], chain.Entries[v]);
            var leastUs = entry.Kind == EntryKind.Bid ? before.DecidedUs : before.DecidedUs + 1;
            if (entry.DecidedUs < leastUs)
                violations.Add($"I11: entry {v} ({entry.Kind}) was decided {leastUs - entry.DecidedUs} us too early");
        }

        foreach (var rejection in chain.AllAnswers.Where(a => !a.Accepted))
        {
            var basis = chain.Entries.ElementAtOrDefault((int)rejection.Version);
            if (rejection.DecidedUs < basis?.DecidedUs)
                violations.Add($"I11: a rejection ({rejection.Reason}) was decided before version {rejection.Version}");
        }
    }

    /// <summary>No clock that is ahead drags an auction along, or refuses a bid.</summary>
    private static void NothingIsAhead(Chain chain, List<string> violations)
    {
        var decided = chain.Entries.Select(e => (e.Id, e.DecidedUs))
            .Concat(chain.AllAnswers.Select(a => (a.Id, a.DecidedUs)));
        foreach (var (id, decidedUs) in decided)
        {
            if (!chain.RecordedUs.TryGetValue(id, out var recordedUs)) continue;
            if (decidedUs - recordedUs is > AheadMaxUs and var us)
                violations.Add($"I11: a decision was recorded {us / 1_000_000} s before it was made");
        }
    }

    /// <summary>By time, never before the end by the ledger's clock, and within a second or two of it.</summary>
    private static void TheLedgersClockEnds(Chain chain, long healedUs, List<string> violations)
    {
        if (chain.Entries is not [.., var before, { Kind: EntryKind.Sealed } sealing]) return;
        var (recordedUs, endUs) = (chain.RecordedUs[sealing.Id], before.After.EndUs);
        if (sealing.EndReason == EndReason.Time && recordedUs < endUs)
            violations.Add($"I9: sealed {endUs - recordedUs} us before its end");
        var lateUs = recordedUs - Math.Max(endUs, healedUs);
        if (lateUs > ClosingMaxUs) violations.Add($"I9: sealed {lateUs / 1_000_000} s after its end");
    }

    /// <summary>
    /// An acknowledged bid was decided before the declared end, a purchase before or at it; an acknowledged purchase
    /// was sold to its buyer; what a seller was told is how the auction ended.
    /// </summary>
    private static void AcknowledgementsStand(World world, List<string> violations)
    {
        foreach (var call in world.Calls)
        {
            if (call.Outcome is not { Accepted: true } told) continue;
            if (world.Ledger.Chains[call.AuctionId].Entries[^1] is not { Kind: EntryKind.Sealed } sealing) continue;
            var isPurchase = told.Bid.Kind == BidKind.BuyNow;
            var lateUs = told.DecidedUs - sealing.After.EndUs;
            if (lateUs > 0 || (lateUs == 0 && !isPurchase))
                violations.Add($"I3: an acknowledged bid was decided {lateUs} us after the end");
            if (told.DecidedUs >= sealing.DecidedUs)
                violations.Add("I11: an acknowledged bid was decided after the auction was sealed");
            if (isPurchase && sealing.Winner != told.Bid.Bidder)
                violations.Add($"I3: an acknowledged purchase by {told.Bid.Bidder} ended as {sealing.After.Status}");
        }

        foreach (var (id, told) in world.SellerCalls)
        {
            if (world.Ledger.Chains[id].Entries[^1].Id != told.Head.EntryId)
                violations.Add("I2: an auction did not end as its seller was told");
        }
    }
}

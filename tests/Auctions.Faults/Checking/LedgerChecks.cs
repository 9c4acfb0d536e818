using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I1, I3, I4 and the model's part of linearizability: each entry and each rejection is what the rules decide on the
/// entry before it.
/// </summary>
internal static class ChainCheck
{
    public static void Check(AuctionEvidence auction, Findings findings)
    {
        var chain = auction.Ledger.Where(r => r.Version is not null).OrderBy(r => r.Version).ToList();
        var terms = new List<Terms>(chain.Count);
        for (var i = 0; i < chain.Count; i++)
        {
            var entry = chain[i];
            if (entry.Version != i)
            {
                findings.Report("I1", auction.Id, entry.Version,
                    $"the ledger's versions are not one chain: entry number {i} has version {entry.Version}");
                return; // the entries after it have no predecessor to compare with
            }

            if ((entry.Terms ?? terms.LastOrDefault()) is not { } inForce || entry.After is null)
            {
                findings.Report("I1", auction.Id, i, "an entry has no terms or no state");
                return;
            }

            terms.Add(inForce);
            if (i == 0) CheckOpening(auction.Id, entry, findings);
            else CheckEntry(auction.Id, entry, chain[i - 1], terms[i - 1], findings);
        }

        foreach (var rejection in auction.Ledger.Where(r => r.Version is null))
            CheckRejection(auction.Id, rejection, chain, terms, findings);
    }

    private static void CheckOpening(Guid id, LedgerRecord entry, Findings findings)
    {
        if (entry.Kind != EntryKind.Opened || entry.Prev != Guid.Empty)
            findings.Report("I1", id, 0, $"the chain begins with an entry of kind {entry.Kind}");
        if (entry.After!.BidCount != 0 || entry.After.Price != 0)
            findings.Report("I1", id, 0, "the auction opened with bids");
    }

    private static void CheckEntry(Guid id, LedgerRecord entry, LedgerRecord before, Terms terms, Findings findings)
    {
        var (old, now, version) = (before.After!, entry.After!, entry.Version);
        if (entry.Prev != before.Id)
            findings.Report("I1", id, version, "it was not decided on top of the entry before it");
        if (before.Kind == EntryKind.Sealed)
            findings.Report("I3", id, version, $"{entry.Kind} follows the sealing entry");
        if (entry.Kind is EntryKind.Bid or EntryKind.Sealed)
        {
            if (now.Price < old.Price)
                findings.Report("I1", id, version, $"the price fell from {old.Price} to {now.Price}");
            if (now.Ceiling < old.Ceiling) findings.Report("I1", id, version, "the standing ceiling fell");
        }

        switch (entry.Kind)
        {
            case EntryKind.Bid when entry.Bid is { } bid:
                CheckBid(id, entry, bid, old, terms, findings);
                break;
            case EntryKind.Sealed:
                CheckSealing(id, entry, old, terms, findings);
                break;
            case EntryKind.Started when now == old with { Status = AuctionStatus.Active }:
                break;
            default:
                // Nobody changes terms in a fault run.
                findings.Report("I1", id, version, $"nothing in this run makes an entry of kind {entry.Kind}");
                break;
        }
    }

    private static void CheckBid(
        Guid id, LedgerRecord entry, Bid bid, AuctionState old, Terms terms, Findings findings)
    {
        var version = entry.Version;
        if (entry.DecidedUs >= old.EndUs)
            findings.Report("I3", id, version, $"decided {entry.DecidedUs - old.EndUs} us after the end");
        if (entry.After!.Price <= old.Price && entry.After.Ceiling <= old.Ceiling)
            findings.Report("I1", id, version, "neither price nor ceiling rose");
        var model = Rules.Decide(terms, old, bid, entry.DecidedUs);
        if (model.Outcome != entry.Outcome || model.After != entry.After)
        {
            findings.Report("I1", id, version, $"the rules say {model.Outcome} {model.Reason} {model.After}, "
                + $"the ledger {entry.Outcome} {entry.After}");
        }
    }

    private static void CheckSealing(Guid id, LedgerRecord entry, AuctionState old, Terms terms, Findings findings)
    {
        var version = entry.Version;
        var hasWinner = entry.After!.Status != AuctionStatus.Cancelled && Rules.ReserveMet(terms, old);
        var winner = hasWinner ? old.Leader : "";
        if (entry.Winner != winner)
        {
            findings.Report("I4", id, version,
                $"the winner is '{entry.Winner}', but should be '{winner}', the leader of the entry before");
        }

        if (!entry.After.IsOver) findings.Report("I4", id, version, $"sealed as {entry.After.Status}");
        if (entry.EndReason is EndReason.Time or EndReason.BoughtNow && entry.DecidedUs < old.EndUs)
            findings.Report("I3", id, version, $"sealed {old.EndUs - entry.DecidedUs} us before its end");
        if ((entry.After.Price, entry.After.Leader, entry.After.BidCount) != (old.Price, old.Leader, old.BidCount))
            findings.Report("I4", id, version, "sealing changed the price, the leader or the number of bids");
    }

    private static void CheckRejection(
        Guid id, LedgerRecord rejection, List<LedgerRecord> chain, List<Terms> terms, Findings findings)
    {
        var isOnEntry = rejection.Basis >= 0 && rejection.Basis < chain.Count;
        if (!isOnEntry || rejection.Basis is not { } basis || rejection.Bid is not { } bid)
        {
            findings.Report("I5", id, rejection.Basis, $"the rejection {rejection.Id} was not decided on any entry");
            return;
        }

        var entry = chain[(int)basis];
        if (entry.Id != rejection.Prev)
        {
            findings.Report("I5", id, basis,
                $"the rejection {rejection.Id} was decided on another entry than version {basis}");
        }

        var model = Rules.Decide(terms[(int)basis], entry.After!, bid, rejection.DecidedUs);
        if (model.Outcome != BidOutcome.Rejected || model.Reason != rejection.Reason)
        {
            findings.Report("I5", id, basis,
                $"rejected with {rejection.Reason}, where the rules say {model.Outcome} {model.Reason}");
        }
    }
}

/// <summary>I1, I4: the auction's row is the state after its last entry. I5: each key has one answer.</summary>
internal static class RowCheck
{
    public static void Check(AuctionEvidence auction, Findings findings)
    {
        var last = auction.Ledger.Where(r => r.Version is not null).MaxBy(r => r.Version);
        if (auction.Row is not { } row || last is null)
        {
            findings.Report("I2", auction.Id, null,
                $"the auction was created, but Postgres has {(auction.Row is null ? "no row" : "a row")} and "
                + $"{(last is null ? "no entry" : "entries")} of it");
            return;
        }

        if ((row.Version, row.Head, row.State) != (last.Version, last.Id, last.After))
        {
            findings.Report("I1", auction.Id, last.Version,
                $"the row has version {row.Version} {row.State}, the last entry {last.Version} {last.After}");
        }

        if (last.Kind == EntryKind.Sealed && (row.Winner, row.EndReason) != (last.Winner, last.EndReason))
        {
            findings.Report("I4", auction.Id, last.Version, $"the row's winner is '{row.Winner}' ({row.EndReason}), "
                + $"the sealing entry's is '{last.Winner}' ({last.EndReason})");
        }

        if (row.ReserveMet != Rules.ReserveMet(row.Terms, row.State))
            findings.Report("I1", auction.Id, row.Version, $"the row's reserve_met is {row.ReserveMet}");
        var answers = auction.Ledger.Where(r => r.Bid is not null).GroupBy(r => (r.Bid!.Bidder, r.Bid.Key));
        foreach (var key in answers.Where(g => g.Count() > 1))
        {
            findings.Report("I5", auction.Id, key.First().Version ?? key.First().Basis,
                $"{key.Count()} answers to {key.Key.Bidder}'s key {key.Key.Key}");
        }
    }
}

/// <summary>
/// I3: no bid sent after the end is accepted. I9: every auction whose end has come is sealed once, and within a second.
/// Time with a fault, and a short time of recovery after it, does not count.
/// </summary>
internal static class EndCheck
{
    /// <summary>Promise I9.</summary>
    private const long SealDelayUsMax = 1_000_000;

    /// <summary>
    /// "At once when it comes back up": the time that a service needs to notice, on a busy machine that also starts
    /// .NET processes.
    /// </summary>
    private const long RecoveryUs = 3_000_000;

    /// <summary>The largest difference of two clocks of one machine that are read at different moments.</summary>
    private const long ClockSlackUs = 50_000;

    public static void Check(AuctionEvidence auction, RunEvidence run, Findings findings)
    {
        var entries = auction.Ledger.Where(r => r.Version is not null).OrderBy(r => r.Version).ToList();
        var seals = entries.Count(r => r.Kind == EntryKind.Sealed);
        if (seals > 1) findings.Report("I9", auction.Id, null, $"sealed {seals} times");
        if (entries is not [.., { After: { } state } last]) return;
        var overdueUs = run.CollectedUs - state.EndUs;
        if (last.Kind == EntryKind.Sealed)
        {
            if (last.EndReason is EndReason.Time or EndReason.BoughtNow)
                CheckSealDelay(auction.Id, state.EndUs, last.DecidedUs, run, findings);
        }
        else if (overdueUs > SealDelayUsMax)
        {
            findings.Report(
                "I9", auction.Id, last.Version, $"it should have been sealed {overdueUs / 1e6:0.0} s ago");
        }

        var ends = entries.Where(e => e.After is not null).GroupBy(e => e.Version!.Value)
            .ToDictionary(g => g.Key, g => g.First().After!.EndUs);
        foreach (var bid in auction.Sent.Where(b => b.Answer is { Accepted: true }))
        {
            if (!ends.TryGetValue(bid.Answer!.Version - 1, out var end)) continue;
            var lateUs = run.EpochUs + bid.BeganUs - end;
            if (lateUs <= ClockSlackUs) continue;
            findings.Report("I3", auction.Id, bid.Answer.Version,
                $"a bid of {bid.Bid.Bidder} was first sent {lateUs / 1000.0:0.0} ms after the end, and accepted");
        }
    }

    private static void CheckSealDelay(Guid id, long endUs, long sealedUs, RunEvidence run, Findings findings)
    {
        // The delay without the disturbed periods, which may overlap.
        var (undisturbedUs, reachedUs) = (0L, endUs);
        var disturbed = run.Disturbances.Where(d => d.Auctions?.Contains(id) ?? true)
            .Select(d => (d.FromUs, ToUs: d.ToUs + RecoveryUs)).OrderBy(d => d.FromUs);
        foreach (var (fromUs, toUs) in disturbed)
        {
            if (toUs <= reachedUs || fromUs >= sealedUs) continue;
            undisturbedUs += Math.Max(0, fromUs - reachedUs);
            reachedUs = Math.Max(reachedUs, toUs);
        }

        undisturbedUs += Math.Max(0, sealedUs - reachedUs);
        if (undisturbedUs <= SealDelayUsMax) return;
        findings.Report("I9", id, null, $"sealed {(sealedUs - endUs) / 1e6:0.00} s after its end, "
            + $"{undisturbedUs / 1e6:0.00} s of it without any fault");
    }
}

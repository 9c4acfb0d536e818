using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>I1, I3, I4, and the model's part of linearizability: each entry and each refusal is what the rules make of the entry before it.</summary>
internal static class ChainCheck
{
    public static void Check(AuctionEvidence auction, Findings found)
    {
        var chain = auction.Ledger.Where(r => r.Version is not null).OrderBy(r => r.Version).ToList();
        var terms = new List<Terms>(chain.Count);
        for (var i = 0; i < chain.Count; i++)
        {
            var entry = chain[i];
            if (entry.Version != i)
            {
                found.Report("I1", auction.Id, entry.Version, $"the ledger's versions are not one chain: {entry.Version} stands at place {i}");
                return; // what follows has no predecessor to be held against
            }

            if ((entry.Terms ?? terms.LastOrDefault()) is not { } inForce || entry.After is null)
            {
                found.Report("I1", auction.Id, i, "an entry without terms or state");
                return;
            }

            terms.Add(inForce);
            if (i == 0) Opening(auction.Id, entry, found);
            else Follow(auction.Id, entry, chain[i - 1], terms[i - 1], found);
        }

        foreach (var refusal in auction.Ledger.Where(r => r.Version is null)) Refusal(auction.Id, refusal, chain, terms, found);
    }

    private static void Opening(Guid id, LedgerRecord entry, Findings found)
    {
        if (entry.Kind != EntryKind.Opened || entry.Prev != Guid.Empty) found.Report("I1", id, 0, $"the chain begins with an entry of kind {entry.Kind}");
        if (entry.After!.BidCount != 0 || entry.After.Price != 0) found.Report("I1", id, 0, "the auction opened with bids");
    }

    private static void Follow(Guid id, LedgerRecord entry, LedgerRecord before, Terms terms, Findings found)
    {
        var (old, now, version) = (before.After!, entry.After!, entry.Version);
        if (entry.Prev != before.Id) found.Report("I1", id, version, "it was not decided on top of the entry before it");
        if (before.Kind == EntryKind.Sealed) found.Report("I3", id, version, $"{entry.Kind} follows the sealing entry");
        if (entry.Kind is EntryKind.Bid or EntryKind.Sealed)
        {
            if (now.Price < old.Price) found.Report("I1", id, version, $"the price fell from {old.Price} to {now.Price}");
            if (now.Ceiling < old.Ceiling) found.Report("I1", id, version, "the standing ceiling fell");
        }

        switch (entry.Kind)
        {
            case EntryKind.Bid when entry.Bid is { } bid:
                FollowBid(id, entry, bid, old, terms, found);
                break;
            case EntryKind.Sealed:
                FollowSealing(id, entry, old, terms, found);
                break;
            case EntryKind.Started when now == old with { Status = AuctionStatus.Active }:
                break;
            default:
                // Nobody amends in a fault run.
                found.Report("I1", id, version, $"an entry of kind {entry.Kind} that nothing in this run makes");
                break;
        }
    }

    private static void FollowBid(Guid id, LedgerRecord entry, Bid bid, AuctionState old, Terms terms, Findings found)
    {
        if (entry.DecidedUs >= old.EndUs) found.Report("I3", id, entry.Version, $"decided {entry.DecidedUs - old.EndUs} us after the end");
        if (entry.After!.Price <= old.Price && entry.After.Ceiling <= old.Ceiling) found.Report("I1", id, entry.Version, "neither price nor ceiling rose");
        var model = Rules.Decide(terms, old, bid, entry.DecidedUs);
        if (model.Outcome != entry.Outcome || model.After != entry.After)
            found.Report("I1", id, entry.Version, $"the rules say {model.Outcome} {model.Reason} {model.After}, the ledger {entry.Outcome} {entry.After}");
    }

    private static void FollowSealing(Guid id, LedgerRecord entry, AuctionState old, Terms terms, Findings found)
    {
        var winner = entry.After!.Status == AuctionStatus.Cancelled || !Rules.ReserveMet(terms, old) ? "" : old.Leader;
        if (entry.Winner != winner) found.Report("I4", id, entry.Version, $"the winner is '{entry.Winner}', and should be '{winner}', who leads the entry before");
        if (!entry.After.IsOver) found.Report("I4", id, entry.Version, $"sealed as {entry.After.Status}");
        if (entry.EndReason is EndReason.Time or EndReason.BoughtNow && entry.DecidedUs < old.EndUs)
            found.Report("I3", id, entry.Version, $"sealed {old.EndUs - entry.DecidedUs} us before its end");
        if ((entry.After.Price, entry.After.Leader, entry.After.BidCount) != (old.Price, old.Leader, old.BidCount))
            found.Report("I4", id, entry.Version, "sealing changed price, leader or the number of bids");
    }

    private static void Refusal(Guid id, LedgerRecord refusal, List<LedgerRecord> chain, List<Terms> terms, Findings found)
    {
        if (refusal.Basis is not { } basis || basis < 0 || basis >= chain.Count || refusal.Bid is not { } bid)
        {
            found.Report("I5", id, refusal.Basis, $"the refusal {refusal.Id} rests on no entry");
            return;
        }

        if (chain[(int)basis].Id != refusal.Prev) found.Report("I5", id, basis, $"the refusal {refusal.Id} rests on another entry than version {basis}");
        var model = Rules.Decide(terms[(int)basis], chain[(int)basis].After!, bid, refusal.DecidedUs);
        if (model.Outcome != BidOutcome.Rejected || model.Reason != refusal.Reason)
            found.Report("I5", id, basis, $"refused with {refusal.Reason}, where the rules say {model.Outcome} {model.Reason}");
    }
}

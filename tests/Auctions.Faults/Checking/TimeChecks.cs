using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I11: decision times never fall with the versions, and no deciding clock is ahead of the ledger's. I9: by time, an
/// auction ends by the ledger's clock alone.
/// </summary>
internal static class DecisionTimeCheck
{
    /// <summary>The ledger refuses decisions that are further ahead of its clock.</summary>
    private const long AheadUsMax = 1_000_000;

    /// <summary>The ledger records with the time at which its transaction began.</summary>
    private const long SlackUs = 50_000;

    public static void Check(AuctionEvidence auction, Findings findings)
    {
        var entries = auction.Ledger.Where(r => r.Version is not null).OrderBy(r => r.Version).ToList();
        foreach (var (before, entry) in entries.Zip(entries.Skip(1))) CheckOrder(auction.Id, before, entry, findings);
        foreach (var record in auction.Ledger.Where(r => r.Bid is not null))
        {
            var aheadUs = record.DecidedUs - record.RecordedUs;
            if (aheadUs <= AheadUsMax + SlackUs) continue;
            findings.Report("I11", auction.Id, record.Version ?? record.Basis,
                $"{record.Bid!.Bidder}'s {record.Outcome} was recorded {aheadUs / 1e6:0.0} s before its decision");
        }
    }

    private static void CheckOrder(Guid id, LedgerRecord before, LedgerRecord entry, Findings findings)
    {
        // Bids that one call decided share its time.
        var leastUs = entry.Kind == EntryKind.Bid ? before.DecidedUs : before.DecidedUs + 1;
        if (entry.DecidedUs < leastUs)
        {
            findings.Report("I11", id, entry.Version,
                $"{entry.Kind} was decided {before.DecidedUs - entry.DecidedUs} us before the entry that it follows");
        }

        if (entry is not { Kind: EntryKind.Sealed, EndReason: EndReason.Time }) return;
        var earlyUs = before.After!.EndUs - entry.RecordedUs;
        if (earlyUs > SlackUs)
        {
            findings.Report(
                "I9", id, entry.Version, $"sealed {earlyUs / 1e6:0.0} s before its end by the ledger's clock");
        }
    }
}

/// <summary>
/// I3: what was acknowledged is what happened. A bid was decided before the declared end, a purchase ended the auction
/// for its buyer, and an auction ended as its seller was told.
/// </summary>
internal static class OutcomeCheck
{
    public static void Check(AuctionEvidence auction, Findings findings)
    {
        var entries = auction.Ledger.Where(r => r.Version is not null).OrderBy(r => r.Version).ToList();
        CheckPurchase(auction.Id, entries, findings);
        var sealing = entries.FindLast(r => r.Kind == EntryKind.Sealed);
        foreach (var call in auction.Calls) CheckSellersEnd(auction.Id, call, sealing, findings);
        if (sealing?.After is not { } final) return;
        foreach (var sent in auction.Sent)
        {
            if (sent.Answer is not { Accepted: true } answer) continue;
            var isPurchase = sent.Bid.Kind == BidKind.BuyNow;
            var lateUs = answer.DecidedUs - final.EndUs;
            if (lateUs > 0 || (lateUs == 0 && !isPurchase))
            {
                findings.Report("I3", auction.Id, answer.Version,
                    $"{sent.Bid.Bidder} was told {answer.Outcome}, decided {lateUs} us after the declared end");
            }

            if (isPurchase && sealing.Winner != sent.Bid.Bidder)
            {
                findings.Report("I3", auction.Id, answer.Version, $"{sent.Bid.Bidder} was told that the lot is bought, "
                    + $"but it is {final.Status}, and its winner '{sealing.Winner}'");
            }
        }
    }

    /// <summary>Only the sealing entry may follow a purchase, and it sells to the buyer.</summary>
    private static void CheckPurchase(Guid id, List<LedgerRecord> entries, Findings findings)
    {
        var at = entries.FindIndex(r => r.Bid?.Kind == BidKind.BuyNow);
        if (at < 0 || at == entries.Count - 1) return;
        var (buyer, next) = (entries[at].Bid!.Bidder, entries[at + 1]);
        if (next.Kind != EntryKind.Sealed)
            findings.Report("I3", id, next.Version, $"{next.Kind} follows the purchase of {buyer}");
        else if (next.EndReason != EndReason.BoughtNow || next.Winner != buyer)
            findings.Report("I3", id, next.Version, $"{buyer} bought it, but it ended as {next.EndReason}");
    }

    private static void CheckSellersEnd(Guid id, ObservedCall call, LedgerRecord? sealing, Findings findings)
    {
        if (call.What is not ("EndAuction" or "CancelAuction")) return;
        var isAsTold = call.What == "EndAuction"
            ? sealing?.EndReason == EndReason.EndedBySeller
            : sealing?.After?.Status == AuctionStatus.Cancelled;
        if (isAsTold && sealing!.Version == call.Version) return;
        findings.Report("I3", id, call.Version,
            $"{call.What} was answered, but the auction is {sealing?.After?.Status} by {sealing?.EndReason}");
    }
}

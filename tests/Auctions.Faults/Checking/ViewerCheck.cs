using Auctions.Core;
using Auctions.Faults.Evidence;
using Auctions.Grpc;

namespace Auctions.Faults.Checking;

/// <summary>I7: a viewer sees only states of the ledger, never goes back, and ends with the last one.</summary>
internal static class ViewerCheck
{
    public static void Check(AuctionEvidence auction, Findings findings)
    {
        if (auction.Viewer is not { } viewer) return;
        foreach (var fault in viewer.Faults) findings.Report("I7", auction.Id, null, fault);
        var entries = auction.Ledger.Where(r => r is { Version: not null, After: not null })
            .GroupBy(r => r.Version!.Value).ToDictionary(g => g.Key, g => g.First());
        var seen = -1L;
        foreach (var shown in viewer.States)
        {
            if (shown.Version < seen)
                findings.Report("I7", auction.Id, shown.Version, $"the viewer went back from version {seen}");
            seen = shown.Version;
            if (!entries.TryGetValue(seen, out var entry))
            {
                findings.Report(
                    "I7", auction.Id, seen, "the viewer was shown a version that the ledger does not have");
            }
            else if (auction.Row is { } row && !Shows(shown, entry, row.Terms))
            {
                findings.Report(
                    "I7", auction.Id, seen, $"the viewer was shown {shown}, but the ledger has {entry.After}");
            }
        }

        if (auction.Row is not { } last) return;
        if (seen != last.Version)
            findings.Report("I7", auction.Id, last.Version, $"the viewer's last frame has version {seen}");
        if (last.State.IsOver)
            CheckFinal(auction.Id, viewer.Final, last, findings);
        else if (viewer.Final is not null)
            findings.Report("I7", auction.Id, last.Version, "the viewer got a final frame, but the auction goes on");
    }

    private static void CheckFinal(Guid id, V1.AuctionEnded? final, AuctionRow row, Findings findings)
    {
        if (final is null)
        {
            findings.Report("I7", id, row.Version, "the viewer got no final frame");
            return;
        }

        if ((final.WinnerId, final.EndReason, final.Final.Status)
            != (row.Winner, StateMap.EndReason(row.EndReason), StateMap.Status(row.State.Status)))
        {
            findings.Report("I7", id, row.Version,
                $"the final frame says {final.Final.Status}, '{final.WinnerId}' ({final.EndReason}), "
                + $"the ledger {row.State.Status}, '{row.Winner}' ({row.EndReason})");
        }
    }

    /// <summary>Compares all but the status, which deltas do not carry.</summary>
    private static bool Shows(V1.AuctionState shown, LedgerRecord entry, Terms terms)
    {
        var state = entry.After!;
        var price = state.BidCount == 0 ? null : MoneyMap.FromMinor(state.Price, terms.Currency);
        return Equals(shown.CurrentPrice, price)
            && (shown.LeaderId, shown.BidCount, shown.ExtensionsUsed, shown.ReserveMet)
                == (state.Leader, state.BidCount, state.Extensions, entry.ReserveMet)
            && TimeMap.ToUs(shown.EndTime) == state.EndUs;
    }
}

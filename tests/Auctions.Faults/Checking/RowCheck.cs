using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>I1, I4: the auction's row is what its last entry left. I5: one answer a key.</summary>
internal static class RowCheck
{
    public static void Check(AuctionEvidence auction, Findings found)
    {
        var last = auction.Ledger.Where(r => r.Version is not null).MaxBy(r => r.Version);
        if (auction.Row is not { } row || last is null)
        {
            found.Report("I2", auction.Id, null, $"Postgres has {(auction.Row is null ? "no row" : "a row")} and {(last is null ? "no entry" : "entries")} of an auction that was created");
            return;
        }

        if ((row.Version, row.Head, row.State) != (last.Version, last.Id, last.After))
            found.Report("I1", auction.Id, last.Version, $"the row has version {row.Version} {row.State}, the last entry {last.Version} {last.After}");
        if (last.Kind == EntryKind.Sealed && (row.Winner, row.EndReason) != (last.Winner, last.EndReason))
            found.Report("I4", auction.Id, last.Version, $"the row's winner is '{row.Winner}' ({row.EndReason}), the sealing entry's '{last.Winner}' ({last.EndReason})");
        if (row.ReserveMet != Rules.ReserveMet(row.Terms, row.State)) found.Report("I1", auction.Id, row.Version, $"the row's reserve_met is {row.ReserveMet}");
        foreach (var twice in auction.Ledger.Where(r => r.Bid is not null).GroupBy(r => (r.Bid!.Bidder, r.Bid.Key)).Where(g => g.Count() > 1))
            found.Report("I5", auction.Id, twice.First().Version ?? twice.First().Basis, $"{twice.Count()} answers to {twice.Key.Bidder}'s key {twice.Key.Key}");
    }
}

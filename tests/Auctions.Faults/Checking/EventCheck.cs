using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I8: every record of the ledger is in Kafka, an auction's entries in version order. At least once: what was sent may be sent again, from
/// an earlier point on, so that it is the first time that counts.
/// </summary>
internal static class EventCheck
{
    public static void Check(AuctionEvidence auction, RunEvidence run, Findings found)
    {
        var ids = auction.Entries.Select(e => e.Id).ToHashSet();
        if (run.EventIsWhole)
        {
            var missing = auction.Ledger.Where(r => !ids.Contains(r.Id)).ToList();
            if (missing.Count > 0)
                found.Report("I8", auction.Id, missing[0].Version ?? missing[0].Basis, $"{missing.Count} records of the ledger are not in Kafka, the first is {missing[0].Id}");
        }

        var known = auction.Ledger.Select(r => r.Id).ToHashSet();
        foreach (var stray in auction.Entries.Where(e => !known.Contains(e.Id)).Take(1))
            found.Report("I8", auction.Id, stray.Version, $"Kafka has the record {stray.Id}, which the ledger does not have");
        InOrder(auction.Id, auction.Entries, "ledger", found);
        // Kafka that has lost everything gets every row anew first, and after that what had not been confirmed, which may be older.
        if (run.EventIsWhole) InOrder(auction.Id, auction.Heads, "auctions", found);
        if (auction.Row is { } row && auction.Heads.MaxBy(e => e.Order) is var last && (last?.Id, last?.Version) != (row.Head, row.Version))
            found.Report("I8", auction.Id, row.Version, $"the last event of the auction's row is of version {last?.Version.ToString() ?? "none"}");
    }

    private static void InOrder(Guid id, IReadOnlyList<EventEvent> events, string topic, Findings found)
    {
        var seen = new HashSet<long>();
        var highest = -1L;
        foreach (var change in events.Where(e => e.Version is not null).OrderBy(e => e.Order))
        {
            var version = change.Version!.Value;
            if (!seen.Add(version)) continue;
            if (version < highest)
            {
                found.Report("I8", id, version, $"version {version} came to Kafka ({topic}) after {highest}");
                return;
            }

            highest = version;
        }
    }
}

using System.Globalization;
using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I6: at rest Redis has the ledger's head of an auction or nothing, and no pending entry that the ledger does not
/// have.
/// </summary>
internal static class HotStateCheck
{
    public static void Check(AuctionEvidence auction, Findings findings)
    {
        if (auction.Row is not { } row || auction.Hot is not { } hot) return;
        foreach (var version in hot.Pending.Where(v => v > row.Version))
        {
            findings.Report(
                "I6", auction.Id, version, $"pending in Redis at rest, while the ledger is at version {row.Version}");
        }

        if (hot.Hash.Count == 0) return;
        foreach (var (field, ledger) in Fields(row))
        {
            var redis = hot.Hash.GetValueOrDefault(field, "(none)");
            if (redis == ledger) continue;
            findings.Report(
                "I6", auction.Id, row.Version, $"at rest Redis' {field} is '{redis}', the ledger's is '{ledger}'");
        }
    }

    /// <summary>Whether Redis is at rest and agrees with the row. <see cref="Quiescence"/> waits for this.</summary>
    public static bool Agrees(AuctionRow row, HotStateCopy hot) =>
        !hot.Pending.Any(v => v > row.Version)
        && (hot.Hash.Count == 0 || Fields(row).All(f => hot.Hash.GetValueOrDefault(f.Field) == f.Value));

    private static IEnumerable<(string Field, string Value)> Fields(AuctionRow row) =>
    [
        ("version", Number(row.Version)), ("head", row.Head.ToString()), ("terms", row.Terms.Line),
        ("status", EnumText.Of(row.State.Status)), ("price", Number(row.State.Price)),
        ("ceiling", Number(row.State.Ceiling)), ("leader", row.State.Leader), ("end_us", Number(row.State.EndUs)),
        ("extensions", Number(row.State.Extensions)), ("bid_count", Number(row.State.BidCount)),
    ];

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>
/// I8: every record of the ledger is in Kafka, and an auction's entries are there in version order. Delivery is at
/// least once: events may come again from an earlier point on, so only the first time counts.
/// </summary>
internal static class EventCheck
{
    public static void Check(AuctionEvidence auction, RunEvidence run, Findings findings)
    {
        var inKafka = auction.LedgerEvents.Select(e => e.Id).ToHashSet();
        var missing = auction.Ledger.Where(r => !inKafka.Contains(r.Id)).ToList();
        if (run.KafkaIsComplete && missing.Count > 0)
        {
            findings.Report("I8", auction.Id, missing[0].Version ?? missing[0].Basis,
                $"{missing.Count} records of the ledger are not in Kafka; the first one is {missing[0].Id}");
        }

        var inLedger = auction.Ledger.Select(r => r.Id).ToHashSet();
        if (auction.LedgerEvents.FirstOrDefault(e => !inLedger.Contains(e.Id)) is { } stray)
        {
            findings.Report("I8", auction.Id, stray.Version,
                $"Kafka has the record {stray.Id}, which the ledger does not have");
        }

        CheckOrder(auction.Id, auction.LedgerEvents, "ledger", findings);
        // After Kafka has lost everything, it gets a snapshot of every row first, and then the unconfirmed changes,
        // which may be older.
        if (run.KafkaIsComplete) CheckOrder(auction.Id, auction.AuctionEvents, "auctions", findings);
        if (auction.Row is not { } row) return;
        var last = auction.AuctionEvents.MaxBy(e => e.Order);
        if ((last?.Id, last?.Version) == (row.Head, row.Version)) return;
        findings.Report("I8", auction.Id, row.Version,
            $"the last event of the auction's row has version {last?.Version.ToString() ?? "none"}");
    }

    private static void CheckOrder(Guid id, IReadOnlyList<ObservedEvent> events, string topic, Findings findings)
    {
        var seen = new HashSet<long>();
        var highest = -1L;
        foreach (var change in events.Where(e => e.Version is not null).OrderBy(e => e.Order))
        {
            var version = change.Version!.Value;
            if (!seen.Add(version)) continue;
            if (version < highest)
            {
                findings.Report("I8", id, version, $"version {version} came to Kafka ({topic}) after {highest}");
                return;
            }

            highest = version;
        }
    }
}

using System.Globalization;
using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>I6: at rest Redis holds the ledger's head of an auction, or nothing, and nothing is pending that the ledger does not have.</summary>
internal static class HotStateCheck
{
    public static void Check(AuctionEvidence auction, Findings found)
    {
        if (auction.Row is not { } row || auction.Hot is not { } hot) return;
        foreach (var version in hot.Pending.Where(v => v > row.Version))
            found.Report("I6", auction.Id, version, $"pending in Redis at rest, and the ledger is at {row.Version}");
        if (hot.Hash.Count == 0) return;
        foreach (var (field, ledger) in Fields(row))
        {
            var redis = hot.Hash.GetValueOrDefault(field, "(none)");
            if (redis != ledger) found.Report("I6", auction.Id, row.Version, $"at rest Redis' {field} is '{redis}', the ledger's '{ledger}'");
        }
    }

    /// <summary>Whether it is at rest, and right: what the wait for rest looks for.</summary>
    public static bool IsRight(AuctionRow row, HotCopy hot) =>
        !hot.Pending.Any(v => v > row.Version) && (hot.Hash.Count == 0 || Fields(row).All(f => hot.Hash.GetValueOrDefault(f.Field) == f.Value));

    private static IEnumerable<(string Field, string Value)> Fields(AuctionRow row) =>
    [
        ("version", Number(row.Version)), ("head", row.Head.ToString()), ("terms", row.Terms.Line), ("status", EnumText.Of(row.State.Status)),
        ("price", Number(row.State.Price)), ("ceiling", Number(row.State.Ceiling)), ("leader", row.State.Leader),
        ("end_us", Number(row.State.EndUs)), ("extensions", Number(row.State.Extensions)), ("bid_count", Number(row.State.BidCount)),
    ];

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

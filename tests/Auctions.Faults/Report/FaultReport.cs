using System.Text.Json.Serialization;
using Auctions.Ctl;
using Auctions.Ctl.Output;
using Auctions.Faults.Injection;
using Spectre.Console;

namespace Auctions.Faults.Report;

/// <summary>The result of a run; written as JSON in snake case.</summary>
/// <param name="Faults">How often each kind was injected.</param>
/// <param name="BidsSent">Idempotency keys that were sent.</param>
/// <param name="Calls">Calls with such a key.</param>
/// <param name="Acknowledged">Keys that were answered, rejections included.</param>
/// <param name="Rejected">Keys that were answered with a rejection.</param>
/// <param name="Unknown">Keys whose outcome was not learnt, although everything was healed.</param>
/// <param name="CallsWithoutAnswer">By how they ended.</param>
/// <param name="LongestUnavailabilityMs">See <see cref="Availability"/>.</param>
/// <param name="RowLocks">How other auctions did while rows were locked; null if that cannot be told.</param>
/// <param name="DiedOutside">Parts that died and were not killed by the run, and how often.</param>
/// <param name="EventRecordsMissed">
/// Records that Kafka dropped before they were read. I8 cannot be checked for them.
/// </param>
public sealed record FaultReport(
    int Seed, double Seconds, IReadOnlyDictionary<string, int> Faults,
    long BidsSent, long Calls, long Acknowledged, [property: JsonPropertyName("refused")] long Rejected, long Unknown,
    IReadOnlyDictionary<string, int> CallsWithoutAnswer,
    int Lost, int Phantom, IReadOnlyList<Violation> Violations,
    IReadOnlyDictionary<string, double> LongestUnavailabilityMs, Bystanders? RowLocks,
    int Auctions, int Sealed, long LedgerEntries, [property: JsonPropertyName("ledger_refusals")] long LedgerRejections,
    double BidsPerSecond, IReadOnlyDictionary<string, int> DiedOutside, long EventRecordsMissed,
    double StartSeconds, double SettleSeconds, double CheckSeconds)
{
    /// <summary>Whether every promise was kept.</summary>
    [JsonIgnore]
    public bool IsClean => Lost == 0 && Phantom == 0 && Unknown == 0 && Violations.Count == 0;

    /// <summary>Injected faults by kind, in the order of the report.</summary>
    internal static IReadOnlyDictionary<string, int> Count(IEnumerable<InjectedFault> faults) =>
        faults.GroupBy(f => f.Kind).OrderBy(g => g.Key).ToDictionary(g => FaultLog.Name(g.Key), g => g.Count());
}

/// <summary>
/// How long bidders got no answers. A gap is the time between one first answer to a key and the next, of all bidders
/// together, while bidders bid. The longest unavailability of a kind is the longest gap that overlaps one of its
/// faults, from the injection until the part is ready again. Faults overlap each other, so one gap may count for
/// several kinds.
/// </summary>
public static class Availability
{
    /// <param name="answeredUs">The times of first answers, in any order.</param>
    public static IReadOnlyDictionary<string, double> Longest(
        IEnumerable<long> answeredUs, IReadOnlyList<InjectedFault> faults)
    {
        var answers = answeredUs.Order().ToArray();
        var longest = new SortedDictionary<FaultKind, long>();
        foreach (var fault in faults)
        {
            var gap = Longest(answers, fault);
            longest[fault.Kind] = Math.Max(longest.GetValueOrDefault(fault.Kind), gap);
        }

        return longest.ToDictionary(kind => FaultLog.Name(kind.Key), kind => Math.Round(kind.Value / 1000.0, 1));
    }

    private static long Longest(long[] answers, InjectedFault fault)
    {
        // The fault begins in the gap before the first answer that comes after its begin.
        var first = Array.BinarySearch(answers, fault.BeganUs);
        var longest = 0L;
        for (var i = Math.Max(1, first < 0 ? ~first : first); i < answers.Length; i++)
        {
            longest = Math.Max(longest, answers[i] - answers[i - 1]);
            if (answers[i] >= fault.EndedUs) break;
        }

        return longest;
    }
}

/// <summary>The report for a terminal.</summary>
internal static class ReportTable
{
    public static void Write(FaultReport report)
    {
        var faults = new Table().Border(TableBorder.Rounded).Title("Faults")
            .AddColumns("kind", "injected", "longest time without an answer, ms");
        foreach (var (kind, count) in report.Faults)
            faults.AddRow(kind, $"{count}", $"{report.LongestUnavailabilityMs.GetValueOrDefault(kind):0}");
        Screen.Write(faults);

        var bids = new Table().Border(TableBorder.Rounded).Title($"Seed {report.Seed}, {report.Seconds:0} s")
            .AddColumns("", "");
        (string, object)[] rows =
        [
            ("bids sent", report.BidsSent), ("  answered", report.Acknowledged),
            ("  of these rejected", report.Rejected), ("  unknown", report.Unknown),
            ("calls", report.Calls), ("  without an answer", report.CallsWithoutAnswer.Values.Sum()),
            ("answers per second", $"{report.BidsPerSecond:0}"),
            ("auctions", report.Auctions), ("  sealed", report.Sealed),
            ("ledger entries", report.LedgerEntries), ("ledger rejections", report.LedgerRejections),
            ("others' calls while rows were locked", Text(report.RowLocks)),
            ("lost", report.Lost), ("phantom", report.Phantom), ("violations", report.Violations.Count),
        ];
        foreach (var (name, value) in rows) bids.AddRow(name, $"{value}");
        Screen.Write(bids);
        ViolationTable.Write(report.Violations);
    }

    private static string Text(Bystanders? others) => others is null
        ? "-"
        : $"{others.Answered} of {others.Calls} answered, p99 {others.P99Ms:0} ms (else {others.QuietP99Ms:0})";
}

using Auctions.Ctl.Output;
using Spectre.Console;

namespace Auctions.Faults.Report;

/// <summary>The report as people read it.</summary>
internal static class ReportTable
{
    public static void Write(FaultReport report)
    {
        var faults = new Table().Border(TableBorder.Rounded).Title("Faults").AddColumns("kind", "injected", "longest without an answer, ms");
        foreach (var (kind, count) in report.Faults) faults.AddRow(kind, $"{count}", $"{report.LongestUnavailabilityMs.GetValueOrDefault(kind):0}");
        Screen.Write(faults);

        var bids = new Table().Border(TableBorder.Rounded).Title($"Seed {report.Seed}, {report.Seconds:0} s").AddColumns("", "");
        (string, object)[] rows =
        [
            ("bids sent", report.BidsSent), ("  answered", report.Acknowledged), ("  of these refused", report.Refused), ("  unknown", report.Unknown),
            ("calls", report.Calls), ("  without an answer", report.CallsWithoutAnswer.Values.Sum()), ("answers a second", $"{report.BidsPerSecond:0}"),
            ("auctions", report.Auctions), ("  sealed", report.Sealed), ("ledger entries", report.LedgerEntries), ("ledger refusals", report.LedgerRefusals),
            ("lost", report.Lost), ("phantom", report.Phantom), ("violations", report.Violations.Count),
        ];
        foreach (var (name, value) in rows) bids.AddRow(name, $"{value}");
        Screen.Write(bids);
        ViolationTable.Write(report.Violations);
    }
}

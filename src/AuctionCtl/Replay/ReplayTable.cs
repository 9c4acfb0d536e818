using System.Globalization;
using Auctions.Ctl.Output;
using Spectre.Console;

namespace Auctions.Ctl.Replay;

/// <summary>A report as people read it.</summary>
public static class ReplayTable
{
    private const int Shown = 20;

    public static void Write(ReplayReport report)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Replay").AddColumn(new TableColumn("").RightAligned());
        table.AddRow("auctions", Number(report.Auctions));
        table.AddRow("bids sent", Number(report.BidsSent));
        table.AddRow("accepted / rejected", $"{report.Accepted} / {report.Rejected}");
        table.AddRow("closing prices as recorded", $"{report.ClosingPricesMatched} of {report.Auctions}");
        table.AddRow("viewers' final frames as the ledger", $"{report.ViewerFinalFramesMatched} of {report.Auctions}");
        table.AddRow("end seen by viewers after, ms (p50, p99, max)", $"{Number(report.SealLatenessMs.P50)}  {Number(report.SealLatenessMs.P99)}  {Number(report.SealLatenessMs.Max)}");
        table.AddRow("bid answered in, ms (p50, p99)", $"{Number(report.BidLatencyMs.P50)}  {Number(report.BidLatencyMs.P99)}");
        table.AddRow("violations", Number(report.Violations.Count));
        Screen.Write(table);
        if (report.Mismatches.Count > 0) Write("Closing prices other than recorded", ["auction", "recorded", "replayed"],
            report.Mismatches.Select(m => (string[])[m.AuctionId, Price(m.Expected), Price(m.Actual)]));
        ViolationTable.Write(report.Violations);
    }

    private static void Write(string title, string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().Border(TableBorder.Rounded).Title(title).AddColumns(columns);
        var all = rows.ToList();
        foreach (var row in all.Take(Shown)) table.AddRow([.. row.Select(Markup.Escape)]);
        if (all.Count > Shown) table.Caption($"and {all.Count - Shown} more");
        Screen.Write(table);
    }

    private static string Price(decimal? dollars) => dollars?.ToString("0.00", CultureInfo.InvariantCulture) ?? "none";

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}

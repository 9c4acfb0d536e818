using System.Globalization;
using Auctions.Ctl.Output;
using Spectre.Console;

namespace Auctions.Ctl.Replay;

/// <summary>An auction whose closing price is not the recorded one. In dollars; null if no bid was accepted.</summary>
public sealed record Mismatch(string AuctionId, decimal? Expected, decimal? Actual);

public sealed record LatenessMs(double P50, double P99, double Max);

public sealed record LatencyMs(double P50, double P99);

/// <summary>The result of a replay; written as JSON in snake case.</summary>
/// <param name="BidsSent">Bids that were answered.</param>
/// <param name="SealLatenessMs">From the effective end to the final frame: sealing, and the way to the viewer.</param>
/// <param name="BidLatencyMs">From sending a bid to its answer, including retries.</param>
public sealed record ReplayReport(
    int Auctions, int BidsSent, int Accepted, int Rejected, int ClosingPricesMatched,
    IReadOnlyList<Mismatch> Mismatches, int ViewerFinalFramesMatched, LatenessMs SealLatenessMs, LatencyMs BidLatencyMs,
    IReadOnlyList<Violation> Violations)
{
    public static ReplayReport Of(IReadOnlyList<ReplayedAuction> auctions)
    {
        var answers = auctions.SelectMany(auction => auction.Answers).ToList();
        var accepted = answers.Count(answer => answer.Result.Outcome != V1.BidOutcome.Rejected);
        var mismatches = auctions.Where(auction => auction.Final is null || auction.Closing != auction.Recorded.Closing)
            .Select(auction => new Mismatch(
                auction.Recorded.Id, Dollars(auction.Recorded.Closing), Dollars(auction.Closing)))
            .ToList();
        double[] lateness =
            [.. auctions.Select(auction => auction.Frames.EndedAfter?.TotalMilliseconds).OfType<double>().Order()];
        double[] latency = [.. answers.Select(answer => answer.LatencyMs).Order()];
        return new ReplayReport(
            auctions.Count, answers.Count, accepted, answers.Count - accepted,
            auctions.Count - mismatches.Count, mismatches, auctions.Count(auction => auction.FinalFrameMatches),
            new LatenessMs(Quantile(lateness, 0.5), Quantile(lateness, 0.99), Quantile(lateness, 1)),
            new LatencyMs(Quantile(latency, 0.5), Quantile(latency, 0.99)),
            [.. auctions.SelectMany(ReplayChecks.Of)]);
    }

    private static decimal? Dollars(long? cents) => cents is { } some ? Cents.ToDollars(some) : null;

    /// <summary>The nearest-rank quantile of values in ascending order; 0 if there are none.</summary>
    private static double Quantile(double[] ascending, double q) =>
        ascending.Length == 0 ? 0 : Math.Round(ascending[Math.Max(0, (int)Math.Ceiling(q * ascending.Length) - 1)], 3);
}

/// <summary>A report as tables on standard output.</summary>
public static class ReplayTable
{
    private const int MismatchesShown = 20;

    public static void Write(ReplayReport report)
    {
        var (seal, bid) = (report.SealLatenessMs, report.BidLatencyMs);
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumn("Replay").AddColumn(new TableColumn("").RightAligned());
        table.AddRow("auctions", Number(report.Auctions));
        table.AddRow("bids sent", Number(report.BidsSent));
        table.AddRow("accepted / rejected", $"{report.Accepted} / {report.Rejected}");
        table.AddRow("closing prices as recorded", $"{report.ClosingPricesMatched} of {report.Auctions}");
        table.AddRow("final frames equal to GetAuction", $"{report.ViewerFinalFramesMatched} of {report.Auctions}");
        table.AddRow(
            "from the end to the final frame, ms (p50, p99, max)",
            $"{Number(seal.P50)}  {Number(seal.P99)}  {Number(seal.Max)}");
        table.AddRow("latency of a bid, ms (p50, p99)", $"{Number(bid.P50)}  {Number(bid.P99)}");
        table.AddRow("violations", Number(report.Violations.Count));
        Screen.Write(table);
        if (report.Mismatches.Count > 0) Write(report.Mismatches);
        ViolationTable.Write(report.Violations);
    }

    private static void Write(IReadOnlyList<Mismatch> mismatches)
    {
        var table = new Table().Border(TableBorder.Rounded).Title("Closing prices that differ")
            .AddColumns("auction", "recorded", "replayed");
        foreach (var mismatch in mismatches.Take(MismatchesShown))
            table.AddRow(Markup.Escape(mismatch.AuctionId), Price(mismatch.Expected), Price(mismatch.Actual));
        if (mismatches.Count > MismatchesShown) table.Caption($"and {mismatches.Count - MismatchesShown} more");
        Screen.Write(table);
    }

    private static string Price(decimal? dollars) => dollars?.ToString("0.00", CultureInfo.InvariantCulture) ?? "none";

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}

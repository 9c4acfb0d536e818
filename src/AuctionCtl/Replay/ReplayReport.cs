namespace Auctions.Ctl.Replay;

/// <summary>An auction that closed at another price than the file says. Dollars; null = no bid was taken.</summary>
public sealed record Mismatch(string AuctionId, decimal? Expected, decimal? Actual);

public sealed record LatenessMs(double P50, double P99, double Max);

public sealed record LatencyMs(double P50, double P99);

/// <summary>What a replay found; written as JSON in snake case.</summary>
/// <param name="BidsSent">Bids that were answered.</param>
/// <param name="SealLatenessMs">How long after the effective end the final frame was written: sealing and the way to the viewer together.</param>
/// <param name="BidLatencyMs">From sending a bid to its answer, retries included.</param>
public sealed record ReplayReport(
    int Auctions,
    int BidsSent,
    int Accepted,
    int Rejected,
    int ClosingPricesMatched,
    IReadOnlyList<Mismatch> Mismatches,
    int ViewerFinalFramesMatched,
    LatenessMs SealLatenessMs,
    LatencyMs BidLatencyMs,
    IReadOnlyList<Violation> Violations)
{
    public static ReplayReport Of(IReadOnlyList<AuctionRun> runs)
    {
        var answers = runs.SelectMany(run => run.Answers).ToList();
        var accepted = answers.Count(answer => answer.Result.Outcome != V1.BidOutcome.Rejected);
        var mismatches = runs.Where(run => run.Final is null || Checks.Closing(run) != run.Recorded.Closing)
            .Select(run => new Mismatch(run.Recorded.Id, Dollars(run.Recorded.Closing), Dollars(Checks.Closing(run)))).ToList();
        double[] lateness = [.. runs.Select(run => run.Frames.EndedAfter).OfType<TimeSpan>().Select(late => late.TotalMilliseconds).Order()];
        double[] latency = [.. answers.Select(answer => answer.LatencyMs).Order()];
        return new ReplayReport(runs.Count, answers.Count, accepted, answers.Count - accepted,
            runs.Count - mismatches.Count, mismatches, runs.Count(Checks.FinalFrameMatches),
            new LatenessMs(Quantile(lateness, 0.5), Quantile(lateness, 0.99), Quantile(lateness, 1)),
            new LatencyMs(Quantile(latency, 0.5), Quantile(latency, 0.99)),
            [.. runs.SelectMany(run => Checks.Of(run, ReplayVerdict.Of(run.Recorded)))]);
    }

    private static decimal? Dollars(long? cents) => cents is { } some ? Cents.ToDollars(some) : null;

    /// <summary>The nearest-rank quantile of rising values; 0 where there are none.</summary>
    private static double Quantile(double[] rising, double share) =>
        rising.Length == 0 ? 0 : Math.Round(rising[Math.Max(0, (int)Math.Ceiling(share * rising.Length) - 1)], 3);
}

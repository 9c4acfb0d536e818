namespace Auctions.Benchmarks.Cases;

/// <summary>What a case came to; written as JSON in snake case.</summary>
/// <param name="Name">Unique in a report: <c>ours_hot</c>.</param>
/// <param name="Design">ours, or a peer.</param>
/// <param name="OfferedPerS">Of an open loop; null in a closed one.</param>
/// <param name="Connections">A peer's connections to Postgres; null for ours.</param>
/// <param name="AckedPerS">Answers, refusals included; errors are not among them.</param>
/// <param name="CpuUsPerBid">Of all processes but the load, microseconds.</param>
/// <param name="CpuSplitUsPerBid">The same by process.</param>
/// <param name="LoadCpuUsPerBid">The load's own, on the same cores.</param>
/// <param name="OthersCpuShare">Share of the machine that went to processes outside the benchmark.</param>
/// <param name="BidsPerEvalsha">Ours alone; null for the others, as <paramref name="RowsPerCommit"/> where each bid is a commit.</param>
/// <param name="Rounds">Answers a second of each round, of an open loop its p99 in milliseconds; the figures of this record are of the median one.</param>
internal sealed record CaseResult(
    string Name, string Design, string On, int Callers, int? Connections, double? OfferedPerS, double Seconds, long Acked, double AckedPerS,
    double P50Ms, double P99Ms, double CpuUsPerBid, IReadOnlyDictionary<string, double> CpuSplitUsPerBid, double LoadCpuUsPerBid, double OthersCpuShare,
    double? BidsPerEvalsha, double? RowsPerCommit, Shares Shares, IReadOnlyDictionary<int, long> Errors, long Unanswered, Correctness Correctness,
    IReadOnlyList<double> Rounds)
{
    /// <summary>Where others took more of the machine than this, the figures say little.</summary>
    public const double DisturbedShare = 0.1;

    /// <summary>The round in the middle, with what every round came to.</summary>
    public static CaseResult Median(IReadOnlyList<CaseResult> rounds, Func<CaseResult, double> by)
    {
        return rounds.Middle(by) with
        {
            Rounds = [.. rounds.Select(by)],
            Correctness = rounds.Select(r => r.Correctness).Aggregate((a, b) => a + b),
        };
    }
}

/// <summary>Of the answers.</summary>
internal sealed record Shares(double Leading, double Outbid, double Refused, double Replayed);

/// <summary>What was looked at after the run, and found wrong: anything but zero makes the figures worthless.</summary>
/// <param name="Checked">Answers looked for in the tables.</param>
/// <param name="Missing">Answered, and not in the table.</param>
/// <param name="Different">In the table with another outcome, or twice.</param>
/// <param name="Contradictions">Duplicates that did not get the first answer.</param>
/// <param name="ChainsChecked">Auctions whose whole history was decided again by the rules.</param>
/// <param name="ChainFaults">Where that came to something else, or the head is not what the last bid left.</param>
internal sealed record Correctness(long Checked, long Missing, long Different, long Contradictions, long ChainsChecked, IReadOnlyList<string> ChainFaults)
{
    public bool IsClean => Missing == 0 && Different == 0 && Contradictions == 0 && ChainFaults.Count == 0;

    public static Correctness operator +(Correctness a, Correctness b) => new(a.Checked + b.Checked, a.Missing + b.Missing,
        a.Different + b.Different, a.Contradictions + b.Contradictions, a.ChainsChecked + b.ChainsChecked, [.. a.ChainFaults, .. b.ChainFaults]);
}

using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;
using Auctions.Benchmarks.Load;
using Auctions.Peers;

namespace Auctions.Benchmarks.Report;

/// <summary>A figure and what it should be.</summary>
/// <param name="Reached">Null where it was not measured.</param>
internal sealed record Target(string Name, double? Value, string Wanted, bool? Reached);

/// <summary>The machine and the choices that the figures hang on.</summary>
internal sealed record Setting(
    string MeasuredAt, double TookSeconds, int Cores, string Processor, double MemoryGib, string Bids, int Callers, int LoadConnections, int Bidders,
    int Rounds, double WarmUpS, double WarmUpMostS, double MeasuredS, string Notes);

/// <summary>Everything that came of a run; written as JSON in snake case.</summary>
/// <param name="Sweep">The peers at each pool size; the best is what they were measured with.</param>
/// <param name="Latency">The open loops, on the hot auction.</param>
internal sealed record BidsReport(
    Setting Setting, IReadOnlyDictionary<string, double?> Ratios, IReadOnlyList<Target> Targets, IReadOnlyDictionary<string, CaseResult> Cases,
    IReadOnlyList<CaseResult> Latency, LimitResults? Limits, IReadOnlyList<CaseResult> Sweep, bool IsCorrect)
{
    public static readonly string[] Designs = ["ours", PeerDesigns.ForUpdate, PeerDesigns.ForUpdateBatched, PeerDesigns.PlPgSql, PeerDesigns.RedisLock];

    public static BidsReport Of(Scale scale, IReadOnlyDictionary<string, CaseResult> cases, IReadOnlyList<CaseResult> sweep,
        IReadOnlyList<CaseResult> latency, LimitResults? limits, TimeSpan took, DateTimeOffset now)
    {
        var ratios = Ratio.All(cases, latency, limits);
        return new BidsReport(Machine(scale, took, now), ratios, Ratio.Targets(ratios), cases, latency, limits, sweep,
            cases.Values.Concat(sweep).Concat(latency).All(c => c.Correctness.IsClean));
    }

    private static Setting Machine(Scale scale, TimeSpan took, DateTimeOffset now) => new(
        now.ToString("yyyy-MM-dd HH:mm 'UTC'", System.Globalization.CultureInfo.InvariantCulture), Math.Round(took.TotalSeconds), Environment.ProcessorCount,
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown",
        Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1024.0 / 1024 / 1024, 1), BidMix.Text, Scale.Callers, CaseRunner.LoadConnections, Scale.Bidders,
        scale.Rounds, scale.WarmUpS, scale.WarmUpMostS, scale.MeasuredS,
        $"Everything, the load included, shares these cores. fsync and synchronous_commit on, AOF everysec. ours_100000 has {scale.Many:N0} auctions, each of which was bid "
        + $"on once before; ours_mixed has {scale.Mixed:N0}, and half of the bids go to a hundredth of them.");
}

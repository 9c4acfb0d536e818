using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;
using Auctions.Benchmarks.Load;
using Auctions.Peers;

namespace Auctions.Benchmarks.Report;

/// <summary>A figure and the value that it should have.</summary>
/// <param name="Reached">Null if it was not measured.</param>
internal sealed record Target(string Name, double? Value, string Wanted, bool? Reached);

/// <summary>The machine and the settings that the figures depend on.</summary>
internal sealed record Setting(
    string MeasuredAt, double TookSeconds, int Cores, string Processor, double MemoryGib, string Bids, int Callers,
    int LoadConnections, int Bidders, int Rounds, double WarmUpS,
    [property: JsonPropertyName("warm_up_most_s")] double WarmUpMaxS, double MeasuredS, string Notes);

/// <summary>All results of a run; written as JSON in snake case.</summary>
/// <param name="Latency">The open loops on the hot auction.</param>
/// <param name="Sweep">The peers at each pool size. Each peer was then measured with its best one.</param>
internal sealed record BidsReport(
    Setting Setting, IReadOnlyDictionary<string, double?> Ratios, IReadOnlyList<Target> Targets,
    IReadOnlyDictionary<string, CaseResult> Cases, IReadOnlyList<CaseResult> Latency, LimitResults? Limits,
    ColdStartResult? ColdStart, IReadOnlyList<CaseResult> Sweep, bool IsCorrect)
{
    public static readonly string[] Designs =
        ["ours", PeerDesigns.ForUpdate, PeerDesigns.ForUpdateBatched, PeerDesigns.PlPgSql, PeerDesigns.RedisLock];

    public static BidsReport Of(
        Scale scale, IReadOnlyDictionary<string, CaseResult> cases, IReadOnlyList<CaseResult> sweep,
        IReadOnlyList<CaseResult> latency, LimitResults? limits, ColdStartResult? coldStart,
        TimeSpan took, DateTimeOffset now)
    {
        var ratios = Report.Ratios.All(cases, latency, limits, coldStart);
        var isCorrect = cases.Values.Concat(sweep).Concat(latency).All(c => c.Correctness.IsClean);
        return new BidsReport(SettingOf(scale, took, now), ratios, Report.Ratios.Targets(ratios), cases, latency,
            limits, coldStart, sweep, isCorrect);
    }

    private static Setting SettingOf(Scale scale, TimeSpan took, DateTimeOffset now)
    {
        var processor = File.ReadLines("/proc/cpuinfo")
            .FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim();
        var memoryGib = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1024.0 / 1024 / 1024;
        return new Setting(
            now.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture), Math.Round(took.TotalSeconds),
            Environment.ProcessorCount, processor ?? "unknown", Math.Round(memoryGib, 1), BidMix.Text, Scale.Callers,
            CaseRunner.LoadConnections, Scale.Bidders, scale.Rounds, scale.WarmUpS, scale.WarmUpMaxS, scale.MeasuredS,
            "Everything shares these cores, the load included. fsync and synchronous_commit are on, the AOF is fsynced "
            + $"every second. ours_100000 has {scale.Many:N0} auctions, each with one earlier bid; ours_mixed has "
            + $"{scale.Mixed:N0}, and half of the bids go to a hundredth of them.");
    }
}

/// <summary>Ratios of figures of one run. Unlike the figures, they hold from machine to machine.</summary>
internal static class Ratios
{
    /// <summary>The share of a design's closed-loop rate.</summary>
    public const double HalfLoad = 0.5;

    private static readonly (string Name, double Min)[] AtLeast =
    [
        ("hot_vs_for_update", 15), ("hot_vs_plpgsql", 8), ("spread_vs_plpgsql", 2),
        ("decisions_vs_single_evalsha", 2), ("many_vs_spread", 0.7), ("hot_vs_cpu_sum", 0.5),
    ];

    private static readonly (string Name, double Limit)[] Below =
    [
        ("p99_half_load_ms", 50), ("p99_half_load_vs_for_update", 0.25), ("p99_half_load_vs_plpgsql", 0.25),
        ("p99_half_load_vs_redis_lock", 0.25), ("cold_start_first_bid_ms", 100), ("cold_start_first_bid_vs_warm", 3),
    ];

    /// <summary>The name of an open loop at half of the rate that the design has just reached.</summary>
    public static string AtHalfLoad(string design) => $"{design}_at_half_load";

    /// <summary>The name of an open loop at half of the rate that our design reached.</summary>
    public static string AtOurHalfLoad(string peer) => $"{peer}_at_our_half_load";

    /// <summary>
    /// The result on the hot auction with the design's best number of callers; null if it was not measured.
    /// </summary>
    public static CaseResult? Hot(IReadOnlyDictionary<string, CaseResult> cases, string design) =>
        cases.Values.Where(c => c.Design == design && c.On == "hot" && c.OfferedPerS is null).MaxBy(c => c.AckedPerS);

    public static SortedDictionary<string, double?> All(
        IReadOnlyDictionary<string, CaseResult> cases, IReadOnlyList<CaseResult> latency, LimitResults? limits,
        ColdStartResult? coldStart)
    {
        var hot = HotRate("ours");
        var spread = Rate("ours_1000");
        var half = P99(AtHalfLoad("ours"));
        var ratios = new SortedDictionary<string, double?>(StringComparer.Ordinal)
        {
            ["many_vs_spread"] = Rate("ours_100000") / spread,
            ["decisions_vs_single_evalsha"] = limits?.DecisionsRejected.PerS / limits?.SingleEvalsha.PerS,
            ["decisions_vs_single_through_client"] =
                limits?.Decisions.Max(d => d.PerS) / limits?.SingleThroughClient.PerS,
            ["hot_vs_cpu_sum"] = hot / limits?.Sum?.AllowedPerS,
            ["p99_half_load_ms"] = half,
            ["cold_start_first_bid_ms"] = coldStart?.FirstMs,
            ["cold_start_first_bid_vs_warm"] = coldStart?.FirstVsWarm,
        };
        foreach (var peer in BidsReport.Designs.Where(d => d != "ours"))
        {
            ratios[$"hot_vs_{peer}"] = hot / HotRate(peer);
            ratios[$"spread_vs_{peer}"] = spread / Rate($"{peer}_1000");
            ratios[$"p99_half_load_vs_{peer}"] = half / P99(AtOurHalfLoad(peer));
            ratios[$"p99_each_at_its_own_half_vs_{peer}"] = half / P99(AtHalfLoad(peer));
        }

        return ratios;

        double? HotRate(string design) => Hot(cases, design)?.AckedPerS;

        double? Rate(string name) => cases.TryGetValue(name, out var result) ? result.AckedPerS : null;

        double? P99(string name) => latency.FirstOrDefault(l => l.Name == name)?.P99Ms;
    }

    public static IReadOnlyList<Target> Targets(IReadOnlyDictionary<string, double?> ratios)
    {
        return
        [
            .. AtLeast.Select(t => TargetOf(t.Name, $">= {t.Min}", value => value >= t.Min)),
            .. Below.Select(t => TargetOf(t.Name, $"< {t.Limit}", value => value < t.Limit)),
        ];

        Target TargetOf(string name, string wanted, Func<double, bool> reached) =>
            new(name, ratios[name], wanted, ratios[name] is { } value ? reached(value) : null);
    }
}

/// <summary>The report as JSON: names in snake case, figures with four significant digits.</summary>
internal static class ReportJson
{
    private static readonly JsonSerializerOptions Options =
        new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static string Of(BidsReport report) =>
        Rounded(JsonSerializer.SerializeToNode(report, Options))!.ToJsonString(Options) + "\n";

    private static JsonNode? Rounded(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject properties:
                foreach (var (name, value) in properties.ToList()) properties[name] = Rounded(value?.DeepClone());
                return properties;
            case JsonArray items:
                for (var i = 0; i < items.Count; i++) items[i] = Rounded(items[i]?.DeepClone());
                return items;
            case JsonValue value when value.TryGetValue(out double number) && number != Math.Floor(number):
                var digits = Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(number))), 0, 10);
                return JsonValue.Create(Math.Round(number, digits));
            default:
                return node;
        }
    }
}

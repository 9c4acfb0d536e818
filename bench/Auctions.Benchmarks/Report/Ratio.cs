using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;
using Auctions.Peers;

namespace Auctions.Benchmarks.Report;

/// <summary>Figures of one run over one another: what holds from machine to machine.</summary>
internal static class Ratio
{
    /// <summary>Of what a design does in a closed loop.</summary>
    public const double HalfLoad = 0.5;

    private static readonly (string Name, double Least)[] AtLeast =
    [
        ("hot_vs_for_update", 15), ("hot_vs_plpgsql", 8), ("spread_vs_plpgsql", 2), ("decisions_vs_single_evalsha", 2), ("many_vs_spread", 0.7),
        ("hot_vs_cpu_sum", 0.5),
    ];

    private static readonly (string Name, double Below)[] Under =
    [
        ("p99_half_load_ms", 50), ("p99_half_load_vs_for_update", 0.25), ("p99_half_load_vs_plpgsql", 0.25), ("p99_half_load_vs_redis_lock", 0.25),
    ];

    /// <summary>The name of an open loop at half of what the design has just done.</summary>
    public static string AtHalfLoad(string design) => $"{design}_at_half_load";

    /// <summary>The name of an open loop at half of what ours did.</summary>
    public static string AtOurHalfLoad(string peer) => $"{peer}_at_our_half_load";

    /// <summary>The hot auction, with the number of callers with which the design does most; null where it was not measured.</summary>
    public static CaseResult? Hot(IReadOnlyDictionary<string, CaseResult> cases, string design) =>
        cases.Values.Where(c => c.Design == design && c.On == "hot" && c.OfferedPerS is null).MaxBy(c => c.AckedPerS);

    public static SortedDictionary<string, double?> All(
        IReadOnlyDictionary<string, CaseResult> cases, IReadOnlyList<CaseResult> latency, LimitResults? limits)
    {
        var hot = HotRate("ours");
        var spread = Rate("ours_1000");
        var half = P99(AtHalfLoad("ours"));
        return new SortedDictionary<string, double?>(StringComparer.Ordinal)
        {
            ["hot_vs_for_update"] = hot / HotRate(PeerDesigns.ForUpdate),
            ["hot_vs_for_update_batched"] = hot / HotRate(PeerDesigns.ForUpdateBatched),
            ["hot_vs_plpgsql"] = hot / HotRate(PeerDesigns.PlPgSql),
            ["hot_vs_redis_lock"] = hot / HotRate(PeerDesigns.RedisLock),
            ["spread_vs_for_update"] = spread / Rate("for_update_1000"),
            ["spread_vs_for_update_batched"] = spread / Rate("for_update_batched_1000"),
            ["spread_vs_plpgsql"] = spread / Rate("plpgsql_1000"),
            ["spread_vs_redis_lock"] = spread / Rate("redis_lock_1000"),
            ["many_vs_spread"] = Rate("ours_100000") / spread,
            ["decisions_vs_single_evalsha"] = limits?.DecisionsRefused.PerS / limits?.SingleEvalsha.PerS,
            ["decisions_vs_single_through_client"] = limits?.Decisions.Max(d => d.PerS) / limits?.SingleThroughClient.PerS,
            ["hot_vs_cpu_sum"] = hot / limits?.Sum?.AllowedPerS,
            ["p99_half_load_ms"] = half,
            ["p99_half_load_vs_for_update"] = half / P99(AtOurHalfLoad(PeerDesigns.ForUpdate)),
            ["p99_each_at_its_own_half_vs_for_update"] = half / P99(AtHalfLoad(PeerDesigns.ForUpdate)),
            ["p99_half_load_vs_for_update_batched"] = half / P99(AtOurHalfLoad(PeerDesigns.ForUpdateBatched)),
            ["p99_each_at_its_own_half_vs_for_update_batched"] = half / P99(AtHalfLoad(PeerDesigns.ForUpdateBatched)),
            ["p99_half_load_vs_plpgsql"] = half / P99(AtOurHalfLoad(PeerDesigns.PlPgSql)),
            ["p99_each_at_its_own_half_vs_plpgsql"] = half / P99(AtHalfLoad(PeerDesigns.PlPgSql)),
            ["p99_half_load_vs_redis_lock"] = half / P99(AtOurHalfLoad(PeerDesigns.RedisLock)),
            ["p99_each_at_its_own_half_vs_redis_lock"] = half / P99(AtHalfLoad(PeerDesigns.RedisLock)),
        };

        double? HotRate(string design) => Hot(cases, design)?.AckedPerS;

        double? Rate(string name) => cases.TryGetValue(name, out var found) ? found.AckedPerS : null;

        double? P99(string name) => latency.FirstOrDefault(l => l.Name == name)?.P99Ms;
    }

    public static IReadOnlyList<Target> Targets(IReadOnlyDictionary<string, double?> ratios) =>
    [
        .. AtLeast.Select(t => new Target(t.Name, ratios[t.Name], $">= {t.Least}", ratios[t.Name] is { } value ? value >= t.Least : null)),
        .. Under.Select(t => new Target(t.Name, ratios[t.Name], $"< {t.Below}", ratios[t.Name] is { } value ? value < t.Below : null)),
    ];
}

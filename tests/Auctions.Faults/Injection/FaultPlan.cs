using System.Text.Json;
using Auctions.Faults.Load;

namespace Auctions.Faults.Injection;

/// <summary>What a run breaks. The names are keys of the report.</summary>
public enum FaultKind
{
    /// <summary>kill -9 of the primary, and a restart from its AOF.</summary>
    RedisKill,
    /// <summary>SIGSTOP of the primary for 1 to 4 s.</summary>
    RedisStop,
    /// <summary>FLUSHALL.</summary>
    RedisFlush,
    /// <summary>
    /// kill -9 of the primary. Before the restart its AOF loses the last second or two, and ends in the middle of a
    /// command.
    /// </summary>
    RedisAofTruncated,
    /// <summary>A replica that misses the last second or two is promoted, and the primary is killed.</summary>
    RedisStaleReplica,
    /// <summary>
    /// The same, but for some seconds one instance of BiddingService still uses the old primary and all others the new
    /// one.
    /// </summary>
    RedisSplit,
    /// <summary>kill -9 of the server, with or without its children, and a restart.</summary>
    PostgresKill,
    BiddingKill,
    AuctionKill,
    UpdaterKill,
    GatewayKill,
    RelayKill,
    /// <summary>Between one instance of BiddingService and Redis: connections are reset, new ones refused.</summary>
    CutBiddingRedis,
    /// <summary>The same between the instance and Postgres.</summary>
    CutBiddingPostgres,
    /// <summary>
    /// Between one instance of BiddingService and Redis: bytes stop flowing, and neither side is told.
    /// </summary>
    HoldBiddingRedis,
    /// <summary>The same between the instance and Postgres.</summary>
    HoldBiddingPostgres,
    /// <summary>An operator's transaction holds the rows of auctions for 20 s: one of a hot auction, or most.</summary>
    RowLock,
    /// <summary>kill -9 of a service, and a restart with a clock that is an hour ahead; later the same back.</summary>
    ServiceClock,
    /// <summary>
    /// kill -9 of the primary, and a restart with a clock that is minutes ahead or behind; later the same back.
    /// </summary>
    RedisClock,
    /// <summary>A part killed by somebody else, found dead and started again. Never planned.</summary>
    Outside,
}

/// <summary>A fault to come.</summary>
/// <param name="At">Since the run's start.</param>
/// <param name="Lasts">How long it stays broken; the time of a restart comes on top.</param>
/// <param name="Instance">The instance of BiddingService, for faults of one: 0 or 1.</param>
/// <param name="Variant">0 to 1, for choices within a kind.</param>
public sealed record PlannedFault(TimeSpan At, FaultKind Kind, TimeSpan Lasts, int Instance, double Variant);

/// <summary>
/// What a seed breaks, and when. Every kind comes once before any kind comes again. Several faults last at once.
/// </summary>
public static class FaultPlan
{
    private static readonly FaultKind[] All =
        [.. Enum.GetValues<FaultKind>().Where(kind => kind != FaultKind.Outside)];

    /// <summary>The kinds that depend on how Redis is run. A pair has all of them.</summary>
    public static readonly IReadOnlyList<FaultKind> OfRedis =
    [
        FaultKind.RedisKill, FaultKind.RedisStop, FaultKind.RedisFlush, FaultKind.RedisAofTruncated,
        FaultKind.RedisStaleReplica, FaultKind.RedisSplit, FaultKind.RedisClock, FaultKind.CutBiddingRedis,
        FaultKind.HoldBiddingRedis,
    ];

    private static readonly TimeSpan QuietStart = TimeSpan.FromSeconds(1.5), QuietEnd = TimeSpan.FromSeconds(1);

    /// <param name="length">The length of the run.</param>
    /// <param name="ofRedis">The kinds that the setup of Redis has; null for those of a pair: all.</param>
    public static IReadOnlyList<PlannedFault> Of(
        int seed, TimeSpan length, IReadOnlyList<FaultKind>? ofRedis = null)
    {
        var kinds = All.Where(kind => ofRedis is null || !OfRedis.Contains(kind) || ofRedis.Contains(kind)).ToArray();
        var random = new Random(seed);
        var plan = new List<PlannedFault>();
        var deck = new Queue<FaultKind>();
        for (var at = QuietStart; at < length - QuietEnd; at += Seconds(0.5, 2.5))
        {
            if (deck.Count == 0)
            {
                var shuffled = (FaultKind[])kinds.Clone();
                random.Shuffle(shuffled);
                deck = new Queue<FaultKind>(shuffled);
            }

            plan.Add(new PlannedFault(at, deck.Dequeue(), Seconds(0.2, 3.3), random.Next(2), random.NextDouble()));
        }

        return plan;

        TimeSpan Seconds(double min, double range) => TimeSpan.FromSeconds(min + range * random.NextDouble());
    }
}

/// <summary>A fault as it happened. Times are microseconds of the run's clock.</summary>
/// <param name="EndedUs">
/// When the part was ready again, or the connection restored; the end of time while the fault lasts.
/// </param>
/// <param name="Auctions">The auctions that it hits; null for all.</param>
public sealed record InjectedFault(
    FaultKind Kind, string Target, long BeganUs, long EndedUs, IReadOnlySet<Guid>? Auctions = null);

/// <summary>What was broken, and when. Safe for concurrent use.</summary>
public sealed class FaultLog(RunClock clock)
{
    private readonly Lock _gate = new();
    private readonly List<InjectedFault> _faults = [];

    public IReadOnlyList<InjectedFault> Faults
    {
        get
        {
            lock (_gate) return [.. _faults];
        }
    }

    /// <summary>Logs a fault that lasts from now until the result is disposed.</summary>
    /// <param name="auctions">The auctions that it hits; null for all.</param>
    public IDisposable Begin(FaultKind kind, string target, IReadOnlySet<Guid>? auctions = null)
    {
        lock (_gate)
        {
            _faults.Add(new InjectedFault(kind, target, clock.NowUs, long.MaxValue, auctions));
            return new Lasting(this, _faults.Count - 1);
        }
    }

    /// <summary>The faults that last now, for the progress line.</summary>
    public string Current()
    {
        var lasting = Faults.Where(f => f.EndedUs == long.MaxValue);
        return string.Join(' ', lasting.Select(f => $"{Name(f.Kind)}({f.Target})"));
    }

    /// <summary>A kind's name in reports, in snake case.</summary>
    public static string Name(FaultKind kind) => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    private void End(int index)
    {
        lock (_gate) _faults[index] = _faults[index] with { EndedUs = clock.NowUs };
    }

    private sealed class Lasting(FaultLog log, int index) : IDisposable
    {
        public void Dispose() => log.End(index);
    }
}

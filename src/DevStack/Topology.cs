using DevStack.Servers;
using DevStack.Supervision;

using Setting = (string Key, string Value);

namespace DevStack;

/// <summary>The whole stack of one machine: every process, what it needs, how it is started, and how one sees that it
/// is ready. All listen on 127.0.0.1 alone.</summary>
public static class Topology
{
    private static readonly Dictionary<string, string> PostgresSettings = new()
    {
        ["fsync"] = "on", // an answer is given once its entry is on disk
        ["synchronous_commit"] = "on",
        ["wal_level"] = "logical", // the relay reads it
        ["max_connections"] = "300",
        ["max_replication_slots"] = "10",
        ["max_wal_senders"] = "10",
        ["shared_buffers"] = "256MB",
        ["max_wal_size"] = "2GB",
        ["timezone"] = "UTC",
        ["log_timezone"] = "UTC",
    };

    private static readonly Dictionary<string, string> RedisSettings = new()
    {
        ["appendonly"] = "yes",
        ["appendfsync"] = "everysec", // what it may lose the ledger has: see "Redis proposes, Postgres disposes"
        ["save"] = "",
        ["maxmemory-policy"] = "noeviction",
        ["auto-aof-rewrite-min-size"] = "512mb", // at full load 64 MB, the default, is written in a few seconds, and rewritten beside the bids
        ["rdbcompression"] = "no", // of a rewritten AOF: it takes a quarter less of a core, and half as much disk again
        ["lazyfree-lazy-expire"] = "yes", // a period's answers go all at once, a million of a hot auction's: not while bids wait
        ["repl-diskless-sync-delay"] = "0", // of one replica; there is none to wait for
    };

    /// <summary>The parts in an order in which each stands after those that it depends on.</summary>
    public static IReadOnlyList<Part> Parts(RunDirectory run) => Parts(run, new Wiring());

    /// <summary>The same for a stack that is wired otherwise.</summary>
    public static IReadOnlyList<Part> Parts(RunDirectory run, Wiring wiring)
    {
        var postgres = new Postgres(run);
        var firstRedis = wiring.Redis[0];

        return
        [
            new Part("postgres")
            {
                Ports = ["postgres"],
                Prepare = postgres.PrepareAsync,
                Launch = () => postgres.Launch(PostgresSettings),
                IsReady = postgres.IsReadyAsync,
                WhenReady = postgres.ProvideLedgerAsync,
                StopSignal = Signals.Int, // TERM would wait for every client to leave
            },
            .. wiring.Redis.Select(name => RedisServer(new Redis(run, name))),
            new Part("kafka")
            {
                Ports = ["kafka"],
                Project = "DevStack",
                Launch = () => Program("kafka", "DevStack", ["kafka", "--listen", run.Endpoints["kafka"]], []),
                IsReady = ct => Probes.AcceptsConnectionsAsync(run.Endpoints["kafka"], ct),
            },
            new Part("relay", "postgres", "kafka")
            {
                RestartsWith = ["kafka"],
                Project = "DevStack",
                Launch = () => Program("relay", "DevStack", ["relay"], [Ledger("relay"), Feed()]),
                IsReady = postgres.IsReplicatedAsync,
            },
            .. wiring.Bidding.Select(name =>
                Service(name, "BiddingService", ["postgres", firstRedis], () => [Ledger(name), HotState(name), ServerGc])),
            Service("auction", "AuctionService", ["postgres", firstRedis], () => [Ledger("auction"), HotState("auction")]),
            Service("updater", "CdcRedisUpdater", ["postgres", firstRedis, "kafka"], () => [Ledger("updater"), HotState("updater"), Feed()])
                with { RestartsWith = ["kafka"] },
            Service("gateway", "StreamGateway", ["postgres", "kafka"],
                () => [Ledger("gateway"), Feed(), ServerGc, ("Listen__GrpcWeb", run.Endpoints["gateway_web"])])
                with { Ports = ["gateway", "gateway_web"], RestartsWith = ["kafka"] },
        ];

        Setting Ledger(string part) => ("Postgres__ConnectionString", postgres.ConnectionStringAt(wiring.PostgresOf(part) ?? run.Endpoints["postgres"]));
        Setting HotState(string part) => ("Redis__Configuration", wiring.RedisOf(part) ?? run.Endpoints[firstRedis]);
        Setting Feed() => ("Kafka__BootstrapServers", run.Endpoints["kafka"]);

        Part Service(string name, string project, string[] dependsOn, Func<Setting[]> settings) =>
            new(name, dependsOn)
            {
                Ports = [name],
                Project = project,
                Launch = () => Program(name, project, [],
                [
                    ("Listen__Grpc", run.Endpoints[name]),
                    ("Auth__Hs256Key", run.Secrets.JwtKey),
                    .. settings(),
                ]),
                IsReady = ct => Probes.ServesGrpcAsync(run.Endpoints[name], ct),
            };

        Launch Program(string part, string project, string[] arguments, Setting[] environment) => new(
            ["dotnet", Path.Combine(run.Programs(part), project + ".dll"), .. arguments],
            environment.Prepend(WorkstationGc).GroupBy(e => e.Key).ToDictionary(e => e.Key, e => e.Last().Value));
    }

    private static Part RedisServer(Redis redis) => new(redis.Name)
    {
        Ports = [redis.Name],
        Prepare = redis.PrepareAsync,
        Launch = () => redis.Launch(RedisSettings),
        IsReady = redis.IsReadyAsync,
    };

    // Where thousands of small objects a second are made, server GC; the others stay small.
    private static Setting ServerGc => ("DOTNET_gcServer", "1");
    private static Setting WorkstationGc => ("DOTNET_gcServer", "0");
}

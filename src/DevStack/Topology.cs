using DevStack.Servers;
using DevStack.Supervision;

using Setting = (string Key, string Value);

namespace DevStack;

/// <summary>
/// How a stack differs from the default one: the instances of components, and the addresses that components use.
/// </summary>
public sealed record TopologyOptions
{
    /// <summary>The names of the instances of BiddingService.</summary>
    public IReadOnlyList<string> Bidding { get; init; } = ["bidding"];

    /// <summary>
    /// The components that serve Redis, each after its dependencies; every service needs all of them. Null for one
    /// server with the name <c>redis</c>.
    /// </summary>
    public IReadOnlyList<Component>? Redis { get; init; }

    /// <summary>
    /// How a component connects to Redis: an address (<c>host:port</c>), for example a proxy's, or several addresses,
    /// with options and the password (<see cref="Redis.ConfigurationAt"/>); null for the address of <c>redis</c>.
    /// </summary>
    public Func<string, string?> RedisConfigurationOf { get; init; } = _ => null;

    /// <summary>
    /// The address (<c>host:port</c>) at which a component connects to Postgres, for example a proxy's; null for the
    /// server's own.
    /// </summary>
    public Func<string, string?> PostgresAddressOf { get; init; } = _ => null;
}

/// <summary>
/// The whole stack of one machine: every process, its dependencies, its command line, and its readiness probe. All
/// listen on 127.0.0.1 only.
/// </summary>
public static class Topology
{
    private static readonly Dictionary<string, string> PostgresSettings = new()
    {
        ["fsync"] = "on", // no answer is sent before its entry is on disk
        ["synchronous_commit"] = "on",
        ["wal_level"] = "logical", // for the relay
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
        ["appendfsync"] = "everysec", // Redis may lose a second of data: the ledger has it
        ["save"] = "",
        ["maxmemory-policy"] = "noeviction",
        // Full load writes 64 MB, the default, in a few seconds. Each rewrite of the AOF competes with the bids.
        ["auto-aof-rewrite-min-size"] = "512mb",
        ["rdbcompression"] = "no", // of a rewritten AOF: saves a quarter of a core, and takes half as much disk again
        // All answers of one period expire together, a million for a hot auction. Bids must not wait for their
        // deletion.
        ["lazyfree-lazy-expire"] = "yes",
        ["repl-diskless-sync-delay"] = "0", // the delay waits for further replicas, and there is at most one
    };

    /// <summary>The components of the default stack, each after its dependencies.</summary>
    public static IReadOnlyList<Component> Components(RunDirectory run) => Components(run, new TopologyOptions());

    /// <summary>The components of a stack with other instances or addresses, each after its dependencies.</summary>
    public static IReadOnlyList<Component> Components(RunDirectory run, TopologyOptions options)
    {
        var postgres = new Postgres(run);
        var redis = options.Redis ?? [RedisServer(run, "redis")];
        string[] stores = ["postgres", .. redis.Select(server => server.Name)];

        return
        [
            new Component("postgres")
            {
                EndpointNames = ["postgres"],
                Prepare = postgres.PrepareAsync,
                Launch = () => postgres.Launch(PostgresSettings),
                IsReady = postgres.IsReadyAsync,
                WhenReady = postgres.ProvideLedgerAsync,
                StopSignal = Signals.Int, // SIGTERM would wait until every client has disconnected
            },
            .. redis,
            new Component("kafka")
            {
                EndpointNames = ["kafka"],
                Project = "DevStack",
                Launch = () => Program("kafka", "DevStack", ["kafka", "--listen", run.Endpoints["kafka"]], []),
                IsReady = ct => Probes.AcceptsConnectionsAsync(run.Endpoints["kafka"], ct),
            },
            new Component("relay", "postgres", "kafka")
            {
                RestartsWith = ["kafka"],
                Project = "DevStack",
                Launch = () => Program("relay", "DevStack", ["relay"], [Ledger("relay"), Kafka()]),
                IsReady = postgres.IsReplicatedAsync,
            },
            .. options.Bidding.Select(name => Service(name, "BiddingService", stores,
                () => [Ledger(name), HotState(name), ServerGc])),
            Service("auction", "AuctionService", stores,
                () => [Ledger("auction"), HotState("auction")]),
            Service("updater", "CdcRedisUpdater", [.. stores, "kafka"],
                () => [Ledger("updater"), HotState("updater"), Kafka()])
                with { RestartsWith = ["kafka"] },
            Service("gateway", "StreamGateway", ["postgres", "kafka"],
                () => [Ledger("gateway"), Kafka(), ServerGc, ("Listen__GrpcWeb", run.Endpoints["gateway_web"])])
                with { EndpointNames = ["gateway", "gateway_web"], RestartsWith = ["kafka"] },
        ];

        Setting Ledger(string component) => ("Postgres__ConnectionString",
            postgres.ConnectionStringAt(options.PostgresAddressOf(component) ?? run.Endpoints["postgres"]));
        Setting HotState(string component) =>
            ("Redis__Configuration",
                options.RedisConfigurationOf(component) ?? Redis.ConfigurationAt(run, run.Endpoints["redis"]));
        Setting Kafka() => ("Kafka__BootstrapServers", run.Endpoints["kafka"]);

        Component Service(string name, string project, string[] dependsOn, Func<Setting[]> settings) =>
            new(name, dependsOn)
            {
                EndpointNames = [name],
                Project = project,
                Launch = () => Program(name, project, [],
                [
                    ("Listen__Grpc", run.Endpoints[name]),
                    ("Auth__Hs256Key", run.Secrets.JwtKey),
                    .. settings(),
                ]),
                IsReady = ct => Probes.ServesGrpcAsync(run.Endpoints[name], ct),
            };

        Launch Program(string component, string project, string[] arguments, Setting[] environment) => new(
            ["dotnet", Path.Combine(run.Programs(component), project + ".dll"), .. arguments],
            environment.Prepend(WorkstationGc).GroupBy(e => e.Key).ToDictionary(e => e.Key, e => e.Last().Value));
    }

    /// <summary>A server of Redis with data of its own.</summary>
    /// <param name="furtherSettings">Evaluated at each start: they may contain addresses.</param>
    /// <param name="firstLines">Further lines of its file when it is created.</param>
    public static Component RedisServer(
        RunDirectory run, string name, Func<IReadOnlyList<(string Key, string Value)>>? furtherSettings = null,
        Func<string>? firstLines = null)
    {
        var redis = new Redis(run, name);
        return new Component(name)
        {
            EndpointNames = [name],
            Prepare = cancellationToken => redis.PrepareAsync(firstLines?.Invoke() ?? "", cancellationToken),
            Launch = () => redis.Launch(
                RedisSettings.Select(s => (s.Key, s.Value)).Concat(furtherSettings?.Invoke() ?? [])),
            IsReady = redis.IsReadyAsync,
        };
    }

    // The server GC for processes that allocate thousands of small objects a second; the others stay small.
    private static Setting ServerGc => ("DOTNET_gcServer", "1");
    private static Setting WorkstationGc => ("DOTNET_gcServer", "0");
}

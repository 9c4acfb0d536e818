using System.Globalization;
using Auctions.Faults.Injection;
using DevStack;
using DevStack.Servers;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>Redis servers that exchange their roles by themselves when a primary is away.</summary>
public abstract class FailoverServers(RunDirectory run) : RedisServers
{
    public override IReadOnlyList<FaultKind> Kinds { get; } =
        [FaultKind.RedisKill, FaultKind.RedisStop, FaultKind.RedisFlush, FaultKind.RedisClock];

    /// <summary>The servers that hold data.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    protected RunDirectory Run { get; } = run;

    /// <summary>The primaries, as the servers themselves say; none while nobody knows.</summary>
    public abstract Task<IReadOnlyList<string>> PrimariesAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Whether every primary is known, and every other server follows one of them and has what it has: the next
    /// primary may die.
    /// </summary>
    public async Task<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        try
        {
            var primaries = await PrimariesAsync(cancellationToken);
            var ports = primaries.Select(p => $"master_port:{Run.Endpoints.Port(p)}\r\n").ToList();
            foreach (var name in Names)
            {
                var info = await RedisAdmin.SendAsync(
                    Run, Run.Endpoints[name], "INFO replication", cancellationToken);
                var isAsExpected = primaries.Contains(name)
                    ? info.Contains("role:master", StringComparison.Ordinal)
                    : info.Contains("master_link_status:up", StringComparison.Ordinal) && ports.Exists(info.Contains);
                if (!isAsExpected) return false;
            }

            return primaries.Count > 0;
        }
        catch (IOException)
        {
            return false; // a server is down, or not up yet
        }
    }

    /// <summary>The name of the server at a port; null if it is none of these.</summary>
    protected string? NameAt(string port) =>
        int.TryParse(port, CultureInfo.InvariantCulture, out var number)
            ? Names.FirstOrDefault(name => Run.Endpoints.Port(name) == number)
            : null;
}

/// <summary>A primary, two replicas and three sentinels, of which two agree on a failover.</summary>
public sealed class RedisSentinel : FailoverServers
{
    private const string Service = "auctions";
    private static readonly string[] Sentinels = ["sentinel-1", "sentinel-2", "sentinel-3"];

    public RedisSentinel(RunDirectory run) : base(run) =>
        Components = [.. Names.Select(Server), .. Sentinels.Select(Sentinel)];

    public override IReadOnlyList<Component> Components { get; }

    public override IReadOnlyList<string> Names { get; } = ["redis", "redis-2", "redis-3"];

    public override string Configuration => Redis.ConfigurationAt(
        Run, string.Join(',', Sentinels.Select(name => Run.Endpoints[name])) + $",serviceName={Service}");

    /// <summary>Asks the sentinels one after another.</summary>
    public override async Task<IReadOnlyList<string>> PrimariesAsync(CancellationToken cancellationToken)
    {
        foreach (var sentinel in Sentinels)
        {
            try
            {
                var reply = await RedisAdmin.SendAsync(
                    Run, Run.Endpoints[sentinel], $"SENTINEL GET-MASTER-ADDR-BY-NAME {Service}", cancellationToken);
                return NameAt(reply.Trim().Split("\r\n")[^1]) is { } primary ? [primary] : [];
            }
            catch (IOException)
            {
                // The next one.
            }
        }

        return [];
    }

    /// <summary>Sentinel changes whom a server follows, and the server keeps this in its file.</summary>
    private Component Server(string name) => Topology.RedisServer(Run, name, firstLines: () =>
        name == Names[0] ? "" : $"replicaof 127.0.0.1 {Run.Endpoints.Port(Names[0])}\n");

    /// <summary>A sentinel keeps in its file what it knows.</summary>
    private Component Sentinel(string name)
    {
        var file = Path.Combine(Run.DataDirectory(name), "sentinel.conf");
        return new Component(name, [.. Names])
        {
            EndpointNames = [name],
            Prepare = async cancellationToken =>
            {
                await Redis.PrepareDirectoryAsync(Run.DataDirectory(name), cancellationToken);
                if (!File.Exists(file)) await Redis.WriteForOwnerAsync(file, Settings(), cancellationToken);
            },
            Launch = () => Redis.LaunchWith(file, "--sentinel"),
            IsReady = async cancellationToken =>
                await Redis.SendAsync(Run, Run.Endpoints[name], "PING", cancellationToken) == "+PONG\r\n",
        };

        string Settings() => $"""
            port {Run.Endpoints.Port(name)}
            bind 127.0.0.1
            dir {Run.DataDirectory(name)}
            requirepass {Run.Secrets.RedisPassword}
            sentinel sentinel-pass {Run.Secrets.RedisPassword}
            sentinel monitor {Service} 127.0.0.1 {Run.Endpoints.Port(Names[0])} 2
            sentinel auth-pass {Service} {Run.Secrets.RedisPassword}
            sentinel down-after-milliseconds {Service} 1000
            sentinel failover-timeout {Service} 4000
            sentinel parallel-syncs {Service} 2

            """;
    }
}

/// <summary>Redis Cluster: three primaries, each with a replica.</summary>
public sealed class RedisCluster : FailoverServers
{
    private const int Slots = 16_384;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider _timeProvider;

    public RedisCluster(RunDirectory run, TimeProvider timeProvider) : base(run)
    {
        _timeProvider = timeProvider;
        var servers = Names.Select(Server).ToList();
        servers[^1] = servers[^1] with
        {
            DependsOn = [.. Names.SkipLast(1)],
            WhenReady = CreateAsync,
            ReadyWithin = TimeSpan.FromSeconds(120),
        };
        Components = servers;
    }

    public override IReadOnlyList<Component> Components { get; }

    public override IReadOnlyList<string> Names { get; } = [.. Enumerable.Range(1, 6).Select(i => $"redis-{i}")];

    public override string Configuration =>
        Redis.ConfigurationAt(Run, string.Join(',', Names.Select(name => Run.Endpoints[name])));

    public override async Task<IReadOnlyList<string>> PrimariesAsync(CancellationToken cancellationToken)
    {
        foreach (var name in Names)
        {
            try
            {
                var reply = await RedisAdmin.SendAsync(Run, Run.Endpoints[name], "CLUSTER NODES", cancellationToken);
                // id address:port@bus flags primary ping pong epoch link slots...
                return
                [
                    .. reply.Split('\n').Select(line => line.Trim().Split(' '))
                        .Where(node => node.Length > 8 && node[2].Contains("master", StringComparison.Ordinal)
                            && !node[2].Contains("fail", StringComparison.Ordinal))
                        .Select(node => NameAt(node[1].Split('@')[0].Split(':')[^1])).OfType<string>(),
                ];
            }
            catch (IOException)
            {
                // The next one.
            }
        }

        return [];
    }

    private Component Server(string name) =>
        Topology.RedisServer(Run, name, () =>
        [
            ("cluster-enabled", "yes"), ("cluster-config-file", "nodes.conf"), ("cluster-node-timeout", "1500"),
            ("cluster-port", $"{Run.Endpoints.Port(BusOf(name))}"),
            // A replica that was cut off for long takes over too: the ledger corrects it.
            ("cluster-replica-validity-factor", "0"),
        ]) with
        { EndpointNames = [name, BusOf(name)] };

    /// <summary>Makes a cluster of the servers, once.</summary>
    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        var info = await RedisAdmin.SendAsync(Run, Run.Endpoints[Names[0]], "CLUSTER INFO", cancellationToken);
        if (info.Contains($"cluster_slots_assigned:{Slots}", StringComparison.Ordinal)) return;
        string[] addresses = [.. Names.Select(name => Run.Endpoints[name])];
        // The password comes from the input, because anybody on the machine can read a command line.
        const string withPassword = "read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec \"$@\"";
        await SystemCommand.RunAsync(
            [
                "sh", "-c", withPassword, "sh",
                "redis-cli", "--cluster", "create", .. addresses, "--cluster-replicas", "1", "--cluster-yes",
            ],
            Run.Secrets.RedisPassword + "\n", cancellationToken);
        while (!await IsHealthyAsync(cancellationToken))
            await Task.Delay(PollInterval, _timeProvider, cancellationToken);
    }

    private static string BusOf(string name) => $"{name}-bus";
}

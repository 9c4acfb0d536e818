using Auctions.Peers;
using DevStack;
using DevStack.Servers;
using DevStack.Supervision;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Machine;

/// <summary>
/// The measured servers, as private processes with the stack's own settings: Postgres, Redis, BiddingService, and peers
/// as they are needed. They have a directory of their own, so a stack that is up is not touched. Nobody consumes change
/// events here: the relay and Kafka do not run.
/// </summary>
internal sealed class BenchStack : IAsyncDisposable
{
    public const string Bidding = "bidding", Postgres = "postgres", Redis = "redis";

    private readonly RunDirectory _run;
    private readonly IDisposable _lock;
    private readonly TimeProvider _timeProvider;
    private readonly List<Component> _parts;

    private BenchStack(RunDirectory run, IDisposable @lock, TimeProvider timeProvider)
    {
        (_run, _lock, _timeProvider) = (run, @lock, timeProvider);
        _parts =
        [
            .. Topology.Components(run).Where(p => p.Name is Postgres or Redis or Bidding)
                .Select(p => p.Name == Postgres ? WithMoreConnections(p) : p),
        ];
    }

    /// <summary>
    /// Peers keep running between their rounds, with all their connections: eight servers of up to 64, besides the
    /// service's hundred.
    /// </summary>
    private static Component WithMoreConnections(Component postgres) =>
        postgres with { Launch = () => new Launch([.. postgres.Launch().Command, "-c", "max_connections=700"]) };

    public string PostgresConnection => new Postgres(_run).ConnectionString;

    /// <summary><c>host:port</c>.</summary>
    public string RedisAddress => _run.Endpoints[Redis];

    /// <summary>For StackExchange.Redis, with the password.</summary>
    public string RedisConfiguration => DevStack.Servers.Redis.ConfigurationAt(_run, RedisAddress);

    /// <summary>
    /// Runs something while Redis needs no password: redis-benchmark takes one from its command line only, which
    /// anybody on the machine can read.
    /// </summary>
    public async Task<T> WithoutRedisPasswordAsync<T>(Func<Task<T>> run)
    {
        await SetRedisPasswordAsync("");
        try
        {
            return await run();
        }
        finally
        {
            await SetRedisPasswordAsync(_run.Secrets.RedisPassword);
        }
    }

    private async Task SetRedisPasswordAsync(string password)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync(RedisConfiguration + ",allowAdmin=true");
        await redis.GetServers()[0].ConfigSetAsync("requirepass", password);
    }

    public byte[] JwtKey => Convert.FromBase64String(_run.Secrets.JwtKey);

    /// <summary>Stops what an earlier run may have left, removes its data, and starts.</summary>
    /// <exception cref="StackException">A server does not start, or another benchmark runs here.</exception>
    public static async Task<BenchStack> StartAsync(
        string directory, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        var run = new RunDirectory(directory);
        var stack = new BenchStack(run, run.Lock(), timeProvider);
        try
        {
            await stack.StopAllAsync();
            if (!await stack.Supervise(stack._parts, Console.WriteLine).UpAsync(cancellationToken))
                throw new StackException("The benchmark's servers do not start.");
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    public string Address(string part) => _run.Endpoints[part];

    public int Pid(string part) => int.Parse(File.ReadAllText(_run.PidFile(part)).Trim());

    /// <summary>Starts a peer if it is not running yet.</summary>
    /// <returns>The part's name.</returns>
    /// <exception cref="StackException">It does not start.</exception>
    public async Task<string> StartPeerAsync(string design, int connections, CancellationToken cancellationToken)
    {
        var part = Peer(design, connections);
        if (_parts.All(p => p.Name != part.Name)) _parts.Add(part);
        var progress = new List<string>();
        if (!await Supervise([part], progress.Add).UpAsync(cancellationToken))
            throw new StackException(string.Join('\n', progress));
        return part.Name;
    }

    /// <summary>Stops a part and starts it again; returns when it is ready.</summary>
    /// <exception cref="StackException">It does not start.</exception>
    public async Task RestartAsync(string part, CancellationToken cancellationToken)
    {
        IReadOnlyList<Component> restarted = [_parts.Single(p => p.Name == part) with { DependsOn = [] }];
        var progress = new List<string>();
        await Supervise(restarted, progress.Add).DownAsync();
        if (!await Supervise(restarted, progress.Add).UpAsync(cancellationToken))
            throw new StackException(string.Join('\n', progress));
    }

    public async Task StopAsync(string part)
    {
        await Supervise([_parts.Single(p => p.Name == part)], _ => { }).DownAsync();
        _parts.RemoveAll(p => p.Name == part);
    }

    /// <summary>The parts whose CPU a design uses.</summary>
    public static string[] PartsOf(string design, string server) => design switch
    {
        "ours" or PeerDesigns.RedisLock => [server, Postgres, Redis],
        PeerDesigns.Echo => [server],
        _ => [server, Postgres],
    };

    /// <summary>The CPU time that these parts have used since they started, seconds.</summary>
    public Dictionary<string, double> CpuSeconds(string[] parts) =>
        parts.Zip(ProcessCpu.OfTrees(Array.ConvertAll(parts, Pid))).ToDictionary(p => p.First, p => p.Second);

    public async ValueTask DisposeAsync()
    {
        await StopAllAsync();
        _lock.Dispose();
    }

    /// <summary>Stops everything and removes the data. A run that was killed may have left peers of any size.</summary>
    private async Task StopAllAsync()
    {
        var left = Directory.EnumerateFiles(_run.Root, "peer-*.pid").Select(Path.GetFileNameWithoutExtension)
            .Where(name => _parts.All(p => p.Name != name))
            .Select(name => new Component(name!) { Launch = () => new Launch(), IsReady = _ => Task.FromResult(true) });
        await Supervise([.. _parts, .. left], _ => { }).DownAsync();
        await _run.RemoveDataAsync(CancellationToken.None);
    }

    private Supervisor Supervise(IReadOnlyList<Component> parts, Action<string> say) =>
        new(_run, parts, Checkout.Root(), _timeProvider, say);

    /// <summary>Runs with the same settings as BiddingService, garbage collector included.</summary>
    private Component Peer(string design, int connections)
    {
        var name = $"peer-{design}-{connections}";
        var postgres = $"{PostgresConnection};Minimum Pool Size={connections};Maximum Pool Size={connections};"
            + "Timeout=30;Command Timeout=30";
        string[] command = ["dotnet", Path.Combine(AppContext.BaseDirectory, "Auctions.Peers.dll")];
        return new Component(name)
        {
            EndpointNames = [name],
            Launch = () => new Launch(command, new Dictionary<string, string>
            {
                ["DOTNET_gcServer"] = "1",
                ["Listen__Grpc"] = _run.Endpoints[name],
                ["Auth__Hs256Key"] = _run.Secrets.JwtKey,
                ["Postgres__ConnectionString"] = postgres,
                ["Redis__Configuration"] = RedisConfiguration,
                ["Peer__Design"] = design,
            }),
            IsReady = ct => Probes.ServesGrpcAsync(_run.Endpoints[name], ct),
        };
    }
}

using System.Collections.Concurrent;
using DevStack;
using DevStack.Servers;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>
/// A whole stack of its own for the run, always started without data: two instances of BiddingService, several servers
/// of Redis, and a <see cref="FaultProxy"/> on every connection that a fault may cut.
/// <para>Concurrency: faults and restarts call it at the same time. Before a caller kills or starts a part it must own
/// the part: <see cref="OwnAsync"/>, <see cref="TryOwn"/>.</para>
/// <para>Lifecycle: <see cref="CreateAsync"/>, <see cref="UpAsync"/>, and <see cref="DisposeAsync"/>, which stops every
/// part and leaves data and logs.</para>
/// <para>Invariants: a part has at most one owner. A caller that owns several parts owns the Redis servers in the order
/// of their names.</para>
/// <para>Bounds: waiting for a part to start has no limit of its own; the caller's token ends it.</para>
/// </summary>
public sealed class FaultStack : IAsyncDisposable
{
    /// <summary>The instances of BiddingService.</summary>
    public static readonly string[] Bidding = ["bidding-1", "bidding-2"];

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    private readonly Supervisor _supervisor;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _owners = new(StringComparer.Ordinal);
    private readonly List<FaultProxy> _proxies = [];
    private readonly TimeProvider _timeProvider;

    /// <summary>Stops what an earlier run may have left, and removes its data.</summary>
    /// <param name="say">Gets the progress, line by line.</param>
    public static async Task<FaultStack> CreateAsync(
        RunDirectory run, RedisSetup redis, TimeProvider timeProvider, Action<string> say,
        CancellationToken cancellationToken)
    {
        var stack = new FaultStack(run, redis, timeProvider, say);
        await stack._supervisor.DownAsync();
        await run.RemoveDataAsync(cancellationToken);
        return stack;
    }

    private FaultStack(RunDirectory run, RedisSetup redis, TimeProvider timeProvider, Action<string> say)
    {
        (Run, _timeProvider, Say) = (run, timeProvider, say);
        run.Endpoints.Reserve("postgres");
        PostgresProxies = [.. Bidding.Select(part => OpenProxy($"postgres-of-{part}", "postgres"))];
        Redis = redis switch
        {
            RedisSetup.Sentinel => new RedisSentinel(run),
            RedisSetup.Cluster => new RedisCluster(run, timeProvider),
            _ => new RedisPair(run, Bidding, OpenProxy),
        };
        var parts = Topology.Components(run, new TopologyOptions
        {
            Bidding = Bidding,
            Redis = Redis.Components,
            RedisConfigurationOf = Redis.ConfigurationOf,
            PostgresAddressOf = part => Bidding.Contains(part) ? run.Endpoints[$"postgres-of-{part}"] : null,
        });
        Parts = [.. parts.Select(part => part with { Launch = () => Clocks.Apply(part.Name, part.Launch()) })];
        _supervisor = new Supervisor(run, Parts, Checkout.Root(), timeProvider, line => Say(line));
    }

    public RunDirectory Run { get; }
    public IReadOnlyList<Component> Parts { get; }

    /// <summary>Gets the messages about parts that start and stop.</summary>
    public Action<string> Say { get; set; }

    public RedisServers Redis { get; }

    /// <summary>Which parts have wrong clocks when they start.</summary>
    public ShiftedClocks Clocks { get; } = new();

    /// <summary>Between each instance of BiddingService and Postgres, by the instance's index.</summary>
    public IReadOnlyList<FaultProxy> PostgresProxies { get; }

    /// <summary>Connects to Postgres directly, not through a proxy.</summary>
    public string PostgresConnection => new Postgres(Run).ConnectionString;

    /// <summary>Starts everything.</summary>
    /// <returns>Whether every part is ready.</returns>
    public async Task<bool> UpAsync(CancellationToken cancellationToken)
    {
        if (!await _supervisor.UpAsync(cancellationToken)) return false;
        foreach (var server in Redis.Components) await Redis.StartedAsync(server.Name, cancellationToken);
        return true;
    }

    /// <summary>
    /// Waits until nobody owns the part, and owns it until the result is disposed. Other names than those of parts may
    /// be owned too.
    /// </summary>
    public async Task<IDisposable> OwnAsync(string part, CancellationToken cancellationToken)
    {
        var owner = Owner(part);
        await owner.WaitAsync(cancellationToken);
        return new Release(owner);
    }

    /// <summary>Owns the part if nobody owns it now; otherwise returns null.</summary>
    public IDisposable? TryOwn(string part)
    {
        var owner = Owner(part);
        return owner.Wait(0) ? new Release(owner) : null;
    }

    public ComponentProcess? Process(string part) => ComponentProcess.Find(Run, part);

    /// <summary>kill -9, and waits until the process is gone. The caller must own the part.</summary>
    public async Task KillAsync(string part, CancellationToken cancellationToken)
    {
        if (Process(part) is not { } process) return;
        Signals.Send(process.Pid, Signals.Kill);
        while (process.IsAlive(Run, part)) await Task.Delay(PollInterval, _timeProvider, cancellationToken);
    }

    /// <summary>
    /// Starts a part and waits until it is ready. Starts it again if it ends before. The caller must own the part.
    /// </summary>
    public async Task StartAsync(string part, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _supervisor.StartAsync(part, cancellationToken);
                await Redis.StartedAsync(part, cancellationToken);
                return;
            }
            catch (Exception e)
                when (e is StackException or IOException && !cancellationToken.IsCancellationRequested)
            {
                Say($"{part}: {e.Message}");
                await Task.Delay(PollInterval, _timeProvider, cancellationToken);
            }
        }
    }

    /// <summary>Ends every cut and hold.</summary>
    public void RestoreConnections() => _proxies.ForEach(proxy => proxy.Restore());

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Parts)
        {
            // A process that a fault has stopped with SIGSTOP would not react to the request to end.
            if (Process(part.Name) is { } process) Signals.Send(process.Pid, Signals.Continue);
        }

        await _supervisor.DownAsync();
        foreach (var proxy in _proxies) await proxy.DisposeAsync();
    }

    private FaultProxy OpenProxy(string name, string server)
    {
        Run.Endpoints.Reserve(name);
        var proxy = new FaultProxy(Run.Endpoints[name], Run.Endpoints[server]);
        _proxies.Add(proxy);
        return proxy;
    }

    private SemaphoreSlim Owner(string part) => _owners.GetOrAdd(part, _ => new SemaphoreSlim(1));

    private sealed class Release(SemaphoreSlim owner) : IDisposable
    {
        public void Dispose() => owner.Release();
    }
}

using System.Collections.Concurrent;
using DevStack;
using DevStack.Servers;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>
/// A whole stack of the run's own, always begun with no data: two instances of BiddingService, a primary and a replica of Redis, and a link
/// in between wherever something is to be cut. Its parts are killed and started one by one, each by one at a time.
/// </summary>
public sealed class FaultStack : IAsyncDisposable
{
    /// <summary>The instances of BiddingService.</summary>
    public static readonly string[] Bidding = ["bidding-1", "bidding-2"];

    private const string OthersRedis = "redis-of-others", ReplicasRedis = "redis-of-replica";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly Supervisor _supervisor;
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _owners = new(StringComparer.Ordinal);
    private readonly List<Link> _links = [];
    private readonly TimeProvider _timeProvider;

    /// <summary>Stops what an earlier run may have left, and forgets its data.</summary>
    /// <param name="say">Takes the progress, a line at a time.</param>
    public static async Task<FaultStack> CreateAsync(RunDirectory run, TimeProvider timeProvider, Action<string> say, CancellationToken cancellationToken)
    {
        var stack = new FaultStack(run, timeProvider, say);
        await stack._supervisor.DownAsync();
        await run.RemoveDataAsync(cancellationToken);
        stack.Connect();
        return stack;
    }

    private FaultStack(RunDirectory run, TimeProvider timeProvider, Action<string> say)
    {
        (Run, _timeProvider, Say) = (run, timeProvider, say);
        Parts = Topology.Components(run, new TopologyOptions
        {
            Bidding = Bidding,
            Redis = RedisPair.Names,
            RedisAddressOf = part => run.Endpoints[Bidding.Contains(part) ? $"redis-of-{part}" : OthersRedis],
            PostgresAddressOf = part => Bidding.Contains(part) ? run.Endpoints[$"postgres-of-{part}"] : null,
        });
        _supervisor = new Supervisor(run, Parts, Checkout.Root(), timeProvider, line => Say(line));
    }

    public RunDirectory Run { get; }
    public IReadOnlyList<Component> Parts { get; }

    /// <summary>Takes what is said of parts that start and stop.</summary>
    public Action<string> Say { get; set; }

    public RedisPair Redis { get; private set; } = null!;

    /// <summary>Between an instance of BiddingService and Redis, by index.</summary>
    public IReadOnlyList<Link> RedisLinks { get; private set; } = [];

    /// <summary>Between an instance of BiddingService and Postgres, by index.</summary>
    public IReadOnlyList<Link> PostgresLinks { get; private set; } = [];

    /// <summary>The ledger at its own address, past the links.</summary>
    public string PostgresConnection => new Postgres(Run).ConnectionString;

    /// <summary>Starts everything.</summary>
    /// <returns>Whether all of it is ready.</returns>
    public async Task<bool> UpAsync(CancellationToken cancellationToken)
    {
        if (!await _supervisor.UpAsync(cancellationToken)) return false;
        await FollowAsync(cancellationToken);
        return true;
    }

    /// <summary>Makes a part one's own: nobody else kills it or starts it until the result is disposed of.</summary>
    public async Task<IDisposable> OwnAsync(string part, CancellationToken cancellationToken)
    {
        var owner = Owner(part);
        await owner.WaitAsync(cancellationToken);
        return new Release(owner);
    }

    /// <summary>The same where nobody owns it; else null.</summary>
    public IDisposable? TryOwn(string part)
    {
        var owner = Owner(part);
        return owner.Wait(0) ? new Release(owner) : null;
    }

    public ComponentProcess? Process(string part) => ComponentProcess.Find(Run, part);

    /// <summary>kill -9, and waits until it is gone. Its owner's to call.</summary>
    public async Task KillAsync(string part, CancellationToken cancellationToken)
    {
        if (Process(part) is not { } process) return;
        Signals.Send(process.Pid, Signals.Kill);
        while (process.IsAlive(Run, part)) await Task.Delay(Pause, _timeProvider, cancellationToken);
    }

    /// <summary>Starts a part and waits until it is ready, again and again where it ends before. Its owner's to call.</summary>
    public async Task StartAsync(string part, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await _supervisor.StartAsync(part, cancellationToken);
                if (part == Redis.Replica) await FollowAsync(cancellationToken);
                return;
            }
            catch (Exception e) when (e is StackException or IOException && !cancellationToken.IsCancellationRequested)
            {
                Say($"{part}: {e.Message}");
                await Task.Delay(Pause, _timeProvider, cancellationToken);
            }
        }
    }

    /// <summary>Tells the replica whom to follow.</summary>
    public Task FollowAsync(CancellationToken cancellationToken) => Redis.FollowAsync(Run.Endpoints[ReplicasRedis], cancellationToken);

    /// <summary>Nothing is cut or held any more.</summary>
    public void MendLinks() => _links.ForEach(link => link.Mend());

    /// <summary>Stops everything; data and logs stay.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var part in Parts)
        {
            // One that was stopped in the middle of a fault cannot be told to end.
            if (Process(part.Name) is { } process) Signals.Send(process.Pid, Signals.Continue);
        }

        await _supervisor.DownAsync();
        foreach (var link in _links) await link.DisposeAsync();
    }

    private void Connect()
    {
        string[] servers = [.. RedisPair.Names, "postgres"];
        foreach (var server in servers) Run.Endpoints.Reserve(server);
        RedisLinks = [.. Bidding.Select(part => Link($"redis-of-{part}", RedisPair.Names[0]))];
        PostgresLinks = [.. Bidding.Select(part => Link($"postgres-of-{part}", "postgres"))];
        Redis = new RedisPair(Run, [.. RedisLinks, Link(OthersRedis, RedisPair.Names[0])], Link(ReplicasRedis, RedisPair.Names[0]));
    }

    private Link Link(string name, string server)
    {
        Run.Endpoints.Reserve(name);
        var link = new Link(Run.Endpoints[name], Run.Endpoints[server]);
        _links.Add(link);
        return link;
    }

    private SemaphoreSlim Owner(string part) => _owners.GetOrAdd(part, _ => new SemaphoreSlim(1));

    private sealed class Release(SemaphoreSlim owner) : IDisposable
    {
        public void Dispose() => owner.Release();
    }
}

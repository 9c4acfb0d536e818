using System.Net;
using Auctions.Faults.Injection;
using DevStack;
using DevStack.Servers;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>
/// Two Redis servers, one a replica of the other. A failover exchanges their roles. Services reach the primary through
/// proxies: one for each instance of BiddingService, and one for all others. The replica follows through a proxy of its
/// own.
/// </summary>
public sealed class RedisPair : RedisServers
{
    public static readonly string[] Names = ["redis", "redis-2"];

    private const string OthersRedis = "redis-of-others", ReplicasRedis = "redis-of-replica";

    private readonly RunDirectory _run;
    private readonly IReadOnlyList<FaultProxy> _proxies;

    /// <summary>Opens the proxies.</summary>
    /// <param name="bidding">The instances of BiddingService.</param>
    /// <param name="openProxy">Opens a proxy with a name in front of a server.</param>
    public RedisPair(RunDirectory run, IReadOnlyList<string> bidding, Func<string, string, FaultProxy> openProxy)
    {
        _run = run;
        Components = [.. Names.Select(name => Topology.RedisServer(run, name))];
        foreach (var name in Names) run.Endpoints.Reserve(name);
        BiddingProxies = [.. bidding.Select(part => openProxy(ProxyOf(part), Names[0]))];
        _proxies = [.. BiddingProxies, openProxy(OthersRedis, Names[0])];
        ReplicationProxy = openProxy(ReplicasRedis, Names[0]);
    }

    public override IReadOnlyList<Component> Components { get; }

    public override IReadOnlyList<FaultKind> Kinds => FaultPlan.OfRedis;

    public override string Configuration => Redis.ConfigurationAt(_run, PrimaryAddress);

    /// <summary>Between each instance of BiddingService and Redis, by the instance's index.</summary>
    public IReadOnlyList<FaultProxy> BiddingProxies { get; }

    /// <summary>The part that services write to.</summary>
    public string Primary { get; private set; } = Names[0];

    public string Replica { get; private set; } = Names[1];

    public string PrimaryAddress => _run.Endpoints[Primary];

    /// <summary>The proxy through which the replica follows the primary.</summary>
    public FaultProxy ReplicationProxy { get; }

    public override string ConfigurationOf(string part) =>
        Redis.ConfigurationAt(_run, _run.Endpoints.Find(ProxyOf(part)) ?? _run.Endpoints[OthersRedis]);

    /// <summary>Makes the replica follow the primary.</summary>
    public override async Task StartedAsync(string part, CancellationToken cancellationToken)
    {
        if (part != Replica) return;
        var address = IPEndPoint.Parse(_run.Endpoints[ReplicasRedis]);
        var command = $"REPLICAOF {address.Address} {address.Port}";
        await RedisAdmin.SendAsync(_run, _run.Endpoints[Replica], command, cancellationToken);
    }

    /// <summary>Whether the replica is connected and has all, or nearly all, that the primary has.</summary>
    public async Task<bool> IsInSyncAsync(CancellationToken cancellationToken)
    {
        try
        {
            var info = await RedisAdmin.SendAsync(_run, _run.Endpoints[Replica], "INFO replication", cancellationToken);
            return info.Contains("master_link_status:up", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // down, or not up yet
        }
    }

    /// <summary>Makes the replica the primary, with the data that it has. Services still use the old primary.</summary>
    public async Task PromoteAsync(CancellationToken cancellationToken)
    {
        await RedisAdmin.SendAsync(_run, _run.Endpoints[Replica], "REPLICAOF NO ONE", cancellationToken);
        (Primary, Replica) = (Replica, Primary);
        ReplicationProxy.PointTo(PrimaryAddress);
        ReplicationProxy.Restore();
    }

    /// <summary>Makes all services use the new primary.</summary>
    public void RedirectAll() => RedirectAllBut(instance: -1);

    /// <summary>Makes all services but one instance of BiddingService use the new primary.</summary>
    public void RedirectAllBut(int instance)
    {
        for (var i = 0; i < _proxies.Count; i++)
        {
            if (i != instance) Redirect(i);
        }
    }

    /// <summary>Makes this instance of BiddingService use the new primary.</summary>
    public void Redirect(int instance) => _proxies[instance].PointTo(PrimaryAddress);

    private static string ProxyOf(string part) => $"redis-of-{part}";
}

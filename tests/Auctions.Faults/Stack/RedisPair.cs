using System.Net;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>
/// Two Redis servers, one a replica of the other, whose roles change with a failover. Services find the primary by way of links, one for
/// each instance of BiddingService and one for all others; the replica follows by way of a link of its own.
/// </summary>
public sealed class RedisPair(RunDirectory run, IReadOnlyList<Link> links, Link replication)
{
    public static readonly string[] Names = ["redis", "redis-2"];

    /// <summary>The part that services write to.</summary>
    public string Primary { get; private set; } = Names[0];

    public string Replica { get; private set; } = Names[1];

    public string PrimaryAddress => run.Endpoints[Primary];

    /// <summary>The link by which the replica follows.</summary>
    public Link Replication => replication;

    /// <summary>To be told to the replica each time when it has started: by itself it is nobody's.</summary>
    /// <param name="replicationAddress">Where <see cref="Replication"/> listens.</param>
    public Task FollowAsync(string replicationAddress, CancellationToken cancellationToken)
    {
        var address = IPEndPoint.Parse(replicationAddress);
        return RedisAdmin.SendAsync(run.Endpoints[Replica], $"REPLICAOF {address.Address} {address.Port}", cancellationToken);
    }

    /// <summary>Whether the replica has all that the primary has, or nearly.</summary>
    public async Task<bool> IsInSyncAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await RedisAdmin.SendAsync(run.Endpoints[Replica], "INFO replication", cancellationToken)).Contains("master_link_status:up", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // down, or not yet up
        }
    }

    /// <summary>The replica becomes the primary, with what it has. Services still talk to the old one.</summary>
    public async Task PromoteAsync(CancellationToken cancellationToken)
    {
        await RedisAdmin.SendAsync(run.Endpoints[Replica], "REPLICAOF NO ONE", cancellationToken);
        (Primary, Replica) = (Replica, Primary);
        replication.PointTo(PrimaryAddress);
        replication.Mend();
    }

    /// <summary>Services talk to the new primary from here on; all of them, or all but one.</summary>
    /// <param name="except">The index of an instance of BiddingService that does not hear of it yet; -1 for none.</param>
    public void Redirect(int except = -1)
    {
        for (var i = 0; i < links.Count; i++)
        {
            if (i != except) links[i].PointTo(PrimaryAddress);
        }
    }

    /// <summary>The one that had not heard of it hears of it now.</summary>
    public void RedirectLast(int index) => links[index].PointTo(PrimaryAddress);
}

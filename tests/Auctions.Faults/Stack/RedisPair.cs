using System.Net;
using System.Net.Sockets;
using System.Text;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>
/// Two Redis servers, one a replica of the other. A failover exchanges their roles. Services reach the primary through
/// proxies: one for each instance of BiddingService, and one for all others. The replica follows through a proxy of its
/// own.
/// </summary>
public sealed class RedisPair(RunDirectory run, IReadOnlyList<FaultProxy> proxies, FaultProxy replicationProxy)
{
    public static readonly string[] Names = ["redis", "redis-2"];

    /// <summary>The part that services write to.</summary>
    public string Primary { get; private set; } = Names[0];

    public string Replica { get; private set; } = Names[1];

    public string PrimaryAddress => run.Endpoints[Primary];

    /// <summary>The proxy through which the replica follows the primary.</summary>
    public FaultProxy ReplicationProxy => replicationProxy;

    /// <summary>Makes the replica follow the primary. Needed each time when it has started.</summary>
    /// <param name="replicationAddress">The address of <see cref="ReplicationProxy"/>.</param>
    public Task FollowAsync(string replicationAddress, CancellationToken cancellationToken)
    {
        var address = IPEndPoint.Parse(replicationAddress);
        var command = $"REPLICAOF {address.Address} {address.Port}";
        return RedisAdmin.SendAsync(run.Endpoints[Replica], command, cancellationToken);
    }

    /// <summary>Whether the replica is connected and has all, or nearly all, that the primary has.</summary>
    public async Task<bool> IsInSyncAsync(CancellationToken cancellationToken)
    {
        try
        {
            var info = await RedisAdmin.SendAsync(run.Endpoints[Replica], "INFO replication", cancellationToken);
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
        await RedisAdmin.SendAsync(run.Endpoints[Replica], "REPLICAOF NO ONE", cancellationToken);
        (Primary, Replica) = (Replica, Primary);
        replicationProxy.PointTo(PrimaryAddress);
        replicationProxy.Restore();
    }

    /// <summary>Makes all services use the new primary.</summary>
    public void RedirectAll() => RedirectAllBut(instance: -1);

    /// <summary>Makes all services but one instance of BiddingService use the new primary.</summary>
    public void RedirectAllBut(int instance)
    {
        for (var i = 0; i < proxies.Count; i++)
        {
            if (i != instance) Redirect(i);
        }
    }

    /// <summary>Makes this instance of BiddingService use the new primary.</summary>
    public void Redirect(int instance) => proxies[instance].PointTo(PrimaryAddress);
}

/// <summary>Sends single commands to a Redis server, each on a connection of its own, as redis-cli does.</summary>
internal static class RedisAdmin
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <returns>The reply in the protocol's form.</returns>
    /// <exception cref="IOException">The server did not answer, or answered with an error.</exception>
    public static async Task<string> SendAsync(string address, string command, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Timeout);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPEndPoint.Parse(address), timeout.Token);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), timeout.Token);
            var buffer = new byte[16 * 1024]; // sections of INFO are shorter, and sent in one piece
            var length = await client.GetStream().ReadAsync(buffer, timeout.Token);
            var reply = Encoding.ASCII.GetString(buffer, 0, length);
            if (reply.StartsWith('-')) throw new IOException($"Redis answers {command} with {reply.Trim()}");
            return reply;
        }
        catch (Exception e) when (e is SocketException
            || e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"Redis at {address} does not answer {command}: {e.Message}", e);
        }
    }
}

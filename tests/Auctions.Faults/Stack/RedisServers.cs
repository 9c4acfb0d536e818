using System.Net;
using System.Net.Sockets;
using System.Text;
using Auctions.Faults.Injection;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>How Redis is run.</summary>
public enum RedisSetup
{
    /// <summary>A primary and a replica. The run itself exchanges their roles, behind proxies.</summary>
    Pair,
    /// <summary>A primary, two replicas and three sentinels, which exchange the roles.</summary>
    Sentinel,
    /// <summary>Redis Cluster: three primaries with a replica each.</summary>
    Cluster,
}

/// <summary>The Redis servers of a run.</summary>
public abstract class RedisServers
{
    /// <summary>Each after its dependencies.</summary>
    public abstract IReadOnlyList<Component> Components { get; }

    /// <summary>The faults that suit this setup.</summary>
    public abstract IReadOnlyList<FaultKind> Kinds { get; }

    /// <summary>How the run itself connects, past every proxy, in StackExchange.Redis' format.</summary>
    public abstract string Configuration { get; }

    /// <summary>How a part of the stack connects, in StackExchange.Redis' format.</summary>
    public virtual string ConfigurationOf(string part) => Configuration;

    /// <summary>Runs each time when all servers, or one of them, have started.</summary>
    public virtual Task StartedAsync(string part, CancellationToken cancellationToken) => Task.CompletedTask;
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

using System.Net.Sockets;
using Auctions.Faults.Injection;
using DevStack.Servers;
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

/// <summary>Sends single commands to a Redis server or a sentinel of the stack.</summary>
internal static class RedisAdmin
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <param name="run">Has the password.</param>
    /// <returns>The reply in the protocol's form.</returns>
    /// <exception cref="IOException">The server did not answer, or answered with an error.</exception>
    public static async Task<string> SendAsync(
        RunDirectory run, string address, string command, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(Timeout);
        try
        {
            var reply = await Redis.SendAsync(run, address, command, timeout.Token);
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

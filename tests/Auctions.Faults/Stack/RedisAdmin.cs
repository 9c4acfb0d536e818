using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Auctions.Faults.Stack;

/// <summary>Single commands to a Redis server, on a connection each: what an operator types into redis-cli.</summary>
internal static class RedisAdmin
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    /// <returns>The reply as the protocol has it.</returns>
    /// <exception cref="IOException">The server did not answer, or with an error.</exception>
    public static async Task<string> SendAsync(string address, string command, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Bound);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPEndPoint.Parse(address), bound.Token);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"), bound.Token);
            var buffer = new byte[16 * 1024]; // INFO's sections are shorter, and sent at once
            var length = await client.GetStream().ReadAsync(buffer, bound.Token);
            var reply = Encoding.ASCII.GetString(buffer, 0, length);
            return reply.StartsWith('-') ? throw new IOException($"Redis answers {command} with {reply.Trim()}") : reply;
        }
        catch (Exception e) when (e is SocketException || e is OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"Redis at {address} does not answer {command}: {e.Message}", e);
        }
    }
}

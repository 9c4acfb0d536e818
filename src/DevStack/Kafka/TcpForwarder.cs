using System.Net;
using System.Net.Sockets;

namespace DevStack.Kafka;

/// <summary>
/// A fixed address in front of the mock cluster, whose own changes with every start. Clients come here first, learn the broker's
/// address from its answer, and go there; when the broker comes back elsewhere they come here again. So few bytes pass.
/// </summary>
public sealed class TcpForwarder : IDisposable
{
    private readonly TcpListener _listener;
    private readonly IPEndPoint _broker;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">The fixed address; port 0 for any.</param>
    /// <param name="broker">Where to pass connections on to.</param>
    /// <exception cref="SocketException">The address is taken.</exception>
    public TcpForwarder(IPEndPoint listen, IPEndPoint broker)
    {
        _broker = broker;
        _listener = new TcpListener(listen);
        _listener.Start();
        _accepting = AcceptAllAsync();
    }

    /// <summary>Where it listens, <c>host:port</c>.</summary>
    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>Stops listening and ends the connections.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _accepting.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task AcceptAllAsync()
    {
        var passing = new HashSet<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_stop.Token);
                passing.RemoveWhere(connection => connection.IsCompleted);
                passing.Add(PassAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }

        await Task.WhenAll(passing);
    }

    private async Task PassAsync(Socket client)
    {
        using var _ = client;
        using var broker = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        try
        {
            await broker.ConnectAsync(_broker, _stop.Token);
            await using var here = new NetworkStream(client);
            await using var there = new NetworkStream(broker);
            // The first side to close ends both: Kafka's clients do not half-close.
            await Task.WhenAny(here.CopyToAsync(there, _stop.Token), there.CopyToAsync(here, _stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // The client sees its connection end, which is all there is to say.
        }
    }
}

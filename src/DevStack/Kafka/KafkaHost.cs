using System.Net;
using System.Net.Sockets;
using Auctions.Events;

namespace DevStack.Kafka;

/// <summary>Kafka for one machine: the mock cluster with the topics of the change events, at a fixed address.</summary>
public sealed class KafkaHost : IDisposable
{
    private readonly TcpForwarder _forwarder;

    /// <summary>Starts the broker and creates the topics.</summary>
    /// <param name="listen">The bootstrap address; port 0 for any free port.</param>
    /// <param name="partitions">Of the topics of both tables.</param>
    /// <exception cref="SocketException">The address is taken.</exception>
    public KafkaHost(IPEndPoint listen, int partitions)
    {
        Cluster = new MockCluster();
        Cluster.CreateTopic(KafkaTopics.Auctions, partitions);
        Cluster.CreateTopic(KafkaTopics.Ledger, partitions);
        Cluster.CreateTopic(KafkaTopics.Heartbeat, 1);
        _forwarder = new TcpForwarder(listen, IPEndPoint.Parse(Cluster.Address));
    }

    /// <summary>The bootstrap address, <c>host:port</c>.</summary>
    public string Address => _forwarder.Address;

    /// <summary>The broker behind that address.</summary>
    public MockCluster Cluster { get; }

    /// <summary>Writes the address to a file, which appears with its whole content or not at all.</summary>
    public void WriteAddress(string path)
    {
        var temporary = $"{path}.{Environment.ProcessId}";
        File.WriteAllText(temporary, Address + "\n");
        File.Move(temporary, path, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _forwarder.Dispose();
        Cluster.Dispose();
    }
}

/// <summary>
/// A fixed address in front of the mock cluster, whose own address changes with every start. Clients connect here
/// first, learn the broker's address from its answer, and connect to it directly; when the broker restarts at another
/// address, they come back. So the forwarder carries few bytes.
/// <para>Concurrency: one task accepts connections, and one task for each connection copies in both directions.</para>
/// <para>Lifecycle: listens from construction until <see cref="Dispose"/>, which ends all connections and waits for
/// their tasks.</para>
/// <para>Invariants: the failure of one connection affects no other. When one side closes, both sides are closed:
/// Kafka's clients do not half-close.</para>
/// <para>Bounds: two copy buffers for each connection. The number of connections has no limit, because only the stack's
/// own processes connect.</para>
/// </summary>
public sealed class TcpForwarder : IDisposable
{
    private readonly TcpListener _listener;
    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    /// <summary>Starts to listen.</summary>
    /// <param name="listen">The fixed address; port 0 for any free port.</param>
    /// <param name="target">The address to which connections are forwarded.</param>
    /// <exception cref="SocketException">The address is taken.</exception>
    public TcpForwarder(IPEndPoint listen, IPEndPoint target)
    {
        _target = target;
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
        var connections = new HashSet<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_stop.Token);
                connections.RemoveWhere(connection => connection.IsCompleted);
                connections.Add(ForwardAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }

        await Task.WhenAll(connections);
    }

    private async Task ForwardAsync(Socket client)
    {
        using var _ = client;
        using var target = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            client.NoDelay = true;
            await target.ConnectAsync(_target, _stop.Token);
            await using var here = new NetworkStream(client);
            await using var there = new NetworkStream(target);
            await Task.WhenAny(here.CopyToAsync(there, _stop.Token), there.CopyToAsync(here, _stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // The client notices: its connection ends.
        }
    }
}

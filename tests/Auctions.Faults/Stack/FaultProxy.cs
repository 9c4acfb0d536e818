using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Auctions.Faults.Stack;

/// <summary>
/// A TCP proxy in front of a server, at a fixed address. It can cut (reset connections and refuse new ones), hold (stop
/// the flow of bytes in both directions; neither side is told), and point to another server.
/// <para>Concurrency: one task accepts, and two tasks per connection copy bytes, one in each direction. Cut, hold and
/// restore come from one caller at a time; <see cref="PointTo"/> may be called at any time.</para>
/// <para>Lifecycle: listens from the constructor on. A connection ends when one of its sides closes, or with a reset.
/// <see cref="DisposeAsync"/> resets everything.</para>
/// <para>Invariants: bytes keep their order, and held bytes flow on unchanged after <see cref="Release"/>. A reset
/// loses what is on its way.</para>
/// <para>Bounds: 64 KiB per direction of a connection: when a buffer is full, the sender's socket is not read.</para>
/// </summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly IPEndPoint _address;
    private readonly ConcurrentDictionary<Socket, bool> _open = new();
    private readonly CancellationTokenSource _stop = new();
    private volatile IPEndPoint _target;
    private volatile TaskCompletionSource? _held;
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <param name="address">host:port to listen on.</param>
    /// <param name="target">host:port of the server.</param>
    /// <exception cref="SocketException">The address is in use.</exception>
    public FaultProxy(string address, string target)
    {
        _address = IPEndPoint.Parse(address);
        _target = IPEndPoint.Parse(target);
        Listen();
    }

    /// <summary>Resets all connections and refuses new ones, until <see cref="Restore"/>.</summary>
    public async Task CutAsync()
    {
        _listener?.Stop();
        _listener = null;
        await _accepting;
        ResetAll();
    }

    /// <summary>Ends a cut or a hold.</summary>
    public void Restore()
    {
        Release();
        if (_listener is null) Listen();
    }

    /// <summary>Stops the flow of bytes. New connections are still accepted, but carry nothing.</summary>
    public void Hold() => _held ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends a hold.</summary>
    public void Release() => Interlocked.Exchange(ref _held, null)?.SetResult();

    /// <summary>
    /// Resets the current connections, with everything that is on its way in them. New ones go to the other server.
    /// </summary>
    public void PointTo(string target)
    {
        _target = IPEndPoint.Parse(target);
        ResetAll();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await CutAsync();
        Release();
        _stop.Dispose();
    }

    private void Listen()
    {
        _listener = new TcpListener(_address);
        _listener.Start();
        _accepting = AcceptAsync(_listener);
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync(_stop.Token);
                _ = ServeAsync(client); // ends with its sockets, which are in _open
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Cut, or disposed.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _open[client] = _open[server] = true;
        try
        {
            await server.ConnectAsync(_target, _stop.Token);
            // The first side to close ends both directions: clients of Redis and Postgres do not half-close.
            await Task.WhenAny(CopyAsync(client, server), CopyAsync(server, client));
        }
        catch (Exception e) when (IsEnd(e))
        {
            // The client sees that its connection ends.
        }
        finally
        {
            Reset(client);
            Reset(server);
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, _stop.Token) is > 0 and var length)
            {
                while (_held is { } held) await held.Task;
                for (var sent = 0; sent < length;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, length - sent), _stop.Token);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // The connection has ended.
        }
    }

    private static bool IsEnd(Exception e) =>
        e is OperationCanceledException or SocketException or ObjectDisposedException;

    private void ResetAll()
    {
        foreach (var socket in _open.Keys) Reset(socket);
    }

    private void Reset(Socket socket)
    {
        if (_open.TryRemove(socket, out _)) socket.Close(0); // sends RST
    }
}

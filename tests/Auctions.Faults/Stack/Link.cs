using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Auctions.Faults.Stack;

/// <summary>
/// A TCP proxy in front of a server, at a fixed address, that can be cut (connections are reset, and new ones refused), held (bytes stop
/// flowing, in both directions, and nobody is told), and pointed to another server.
/// </summary>
public sealed class Link : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly IPEndPoint _address;
    private readonly ConcurrentDictionary<Socket, bool> _open = new();
    private readonly CancellationTokenSource _stop = new();
    private volatile IPEndPoint _target;
    private volatile TaskCompletionSource? _held;
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <summary>Listens at once.</summary>
    /// <param name="address">host:port to listen on.</param>
    /// <param name="target">host:port to pass on to.</param>
    /// <exception cref="SocketException">The address is taken.</exception>
    public Link(string address, string target)
    {
        _address = IPEndPoint.Parse(address);
        _target = IPEndPoint.Parse(target);
        Listen();
    }

    public bool IsCut => _listener is null;

    /// <summary>Resets what is connected and refuses what comes, until <see cref="MendAsync"/>.</summary>
    public async Task CutAsync()
    {
        _listener?.Stop();
        _listener = null;
        await _accepting;
        Reset();
    }

    /// <summary>Lets bytes and connections pass again.</summary>
    public void Mend()
    {
        Release();
        if (_listener is null) Listen();
    }

    /// <summary>Stops the flow of bytes; connections are taken, and nothing comes of them.</summary>
    public void Hold() => _held ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What was held flows on.</summary>
    public void Release() => Interlocked.Exchange(ref _held, null)?.SetResult();

    /// <summary>Connections of now are reset, with whatever is on its way in them; new ones go to the other server.</summary>
    public void PointTo(string target)
    {
        _target = IPEndPoint.Parse(target);
        Reset();
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
                _ = PassAsync(client); // ends with its sockets, which the link keeps
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Cut, or stopped.
        }
    }

    private async Task PassAsync(Socket client)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        _open[client] = _open[server] = true;
        try
        {
            await server.ConnectAsync(_target, _stop.Token);
            // The first side to close ends both: neither Redis' nor Postgres' clients half-close.
            await Task.WhenAny(PumpAsync(client, server), PumpAsync(server, client));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The client sees its connection end, which is all there is to say.
        }
        finally
        {
            End(client);
            End(server);
        }
    }

    private async Task PumpAsync(Socket from, Socket to)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, _stop.Token) is > 0 and var length)
            {
                while (_held is { } held) await held.Task;
                for (var sent = 0; sent < length;) sent += await to.SendAsync(buffer.AsMemory(sent, length - sent), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // As above.
        }
    }

    private void Reset()
    {
        foreach (var socket in _open.Keys) End(socket);
    }

    private void End(Socket socket)
    {
        if (_open.TryRemove(socket, out _)) socket.Close(0); // with RST: what is on its way is lost
    }
}

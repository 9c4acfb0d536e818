using System.Net;
using System.Net.Sockets;
using Auctions.Faults.Stack;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>The proxy that cuts, holds and redirects, in front of servers that answer with their number.</summary>
public sealed class FaultProxyTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private readonly NumberedServer _first = new(1), _second = new(2);
    private FaultProxy _proxy = null!;
    private string _address = "";

    public Task InitializeAsync()
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            _address = free.LocalEndpoint.ToString()!;
        }

        _proxy = new FaultProxy(_address, _first.Address);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task Bytes_pass_in_both_directions()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
    }

    [Fact]
    public async Task A_cut_resets_connections_and_refuses_new_ones_until_it_is_restored()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
        await _proxy.CutAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => AskAsync(client));
        await Assert.ThrowsAsync<SocketException>(ConnectAsync);

        _proxy.Restore();
        using var again = await ConnectAsync();
        Assert.Equal(1, await AskAsync(again));
    }

    [Fact]
    public async Task Held_bytes_flow_on_after_a_release()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
        _proxy.Hold();
        var asked = AskAsync(client);
        await Assert.ThrowsAsync<TimeoutException>(() => asked.WaitAsync(TimeSpan.FromMilliseconds(200)));
        _proxy.Release();
        Assert.Equal(1, await asked.WaitAsync(Soon));
    }

    [Fact]
    public async Task A_new_target_resets_connections_and_new_ones_reach_it()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
        _proxy.PointTo(_second.Address);
        await Assert.ThrowsAnyAsync<IOException>(() => AskAsync(client));
        using var again = await ConnectAsync();
        Assert.Equal(2, await AskAsync(again));
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(_address));
        return client;
    }

    private static async Task<int> AskAsync(TcpClient client)
    {
        var answer = new byte[1];
        await client.GetStream().WriteAsync(new byte[1]);
        await client.GetStream().ReadExactlyAsync(answer);
        return answer[0];
    }

    /// <summary>A server that answers each byte with its own number.</summary>
    private sealed class NumberedServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public NumberedServer(byte number)
        {
            _listener.Start();
            _ = AcceptAsync(number);
        }

        public string Address => _listener.LocalEndpoint.ToString()!;

        public void Dispose() => _listener.Stop();

        private async Task AcceptAsync(byte number)
        {
            try
            {
                while (true) _ = AnswerAsync(await _listener.AcceptSocketAsync(), number);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Disposed.
            }
        }

        private static async Task AnswerAsync(Socket client, byte number)
        {
            using var _ = client;
            var buffer = new byte[1];
            try
            {
                while (await client.ReceiveAsync(buffer) > 0) await client.SendAsync(new[] { number });
            }
            catch (SocketException)
            {
                // The connection was reset.
            }
        }
    }
}

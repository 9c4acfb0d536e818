using System.Net;
using System.Net.Sockets;
using Auctions.Faults.Stack;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>The proxy that cuts, holds and redirects, in front of servers that say their name.</summary>
public sealed class LinkTests : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private readonly NamedServer _first = new(1), _second = new(2);
    private Link _link = null!;
    private string _address = "";

    public Task InitializeAsync()
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            _address = free.LocalEndpoint.ToString()!;
        }

        _link = new Link(_address, _first.Address);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _link.DisposeAsync();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task It_passes_bytes_on()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
    }

    [Fact]
    public async Task A_cut_resets_what_is_connected_refuses_what_comes_and_can_be_mended()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
        await _link.CutAsync();
        await Assert.ThrowsAnyAsync<IOException>(() => AskAsync(client));
        await Assert.ThrowsAsync<SocketException>(ConnectAsync);

        _link.Mend();
        using var again = await ConnectAsync();
        Assert.Equal(1, await AskAsync(again));
    }

    [Fact]
    public async Task What_is_held_flows_once_it_is_released()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
        _link.Hold();
        var asked = AskAsync(client);
        await Assert.ThrowsAsync<TimeoutException>(() => asked.WaitAsync(TimeSpan.FromMilliseconds(200)));
        _link.Release();
        Assert.Equal(1, await asked.WaitAsync(Soon));
    }

    [Fact]
    public async Task Pointed_elsewhere_it_ends_connections_and_leads_to_the_other_server()
    {
        using var client = await ConnectAsync();
        Assert.Equal(1, await AskAsync(client));
        _link.PointTo(_second.Address);
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

    /// <summary>Answers each byte with its number.</summary>
    private sealed class NamedServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public NamedServer(byte number)
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
                // Disposed of.
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
                // The link was cut.
            }
        }
    }
}

using System.Net;
using System.Net.Sockets;
using Auctions.Core;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Grpc.Core;
using static Auctions.IntegrationTests.Servers.TestStack;
using Bidding = Auctions.V1.BiddingService.BiddingServiceClient;

namespace Auctions.IntegrationTests.Outages;

/// <summary>
/// While a store is away, the services try it a few times a second, whatever their callers do. A listener in the
/// store's place counts the attempts.
/// </summary>
public sealed class KnockingTests : IAsyncLifetime
{
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A second, for each service: one of the gate, one of Quartz' own pool, two of each Redis client, and as many
    /// again.
    /// </summary>
    private const int AttemptsPerSecondMax = 8;

    /// <summary>What was in flight when the store went away.</summary>
    private const int BurstMax = 60;

    private TestStack _stack = null!;
    private Guid _auction;

    public async Task InitializeAsync()
    {
        _stack = await StartWithServersAsync();
        await _stack.StartServiceAsync(global::BiddingService.Composition.Build, "--HotState:CallTimeoutMs=600");
        await _stack.StartServiceAsync(global::AuctionService.Composition.Build);
        var terms = new Terms("sel", "USD", 100, 0, 0, new Increment.Fixed(10), SoftClose.None, NowUs - 1_000_000);
        _auction = await _stack.Database.OpenAsync(terms, NowUs + LedgerDatabase.Hour, NowUs);
    }

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task A_Postgres_that_is_away_is_tried_a_few_times_a_second()
    {
        var (stop, calls) = KeepBidding();
        await _stack.Postgres.Process.KillAsync();
        var attempts = await CountConnectsAsync(_stack.Postgres.Port);
        await _stack.Postgres.StartAsync();
        await EndAsync(stop, calls);

        Assert.InRange(attempts, 1, BurstMax + AttemptsPerSecondMax * Watched.TotalSeconds);
        await TakesABidAsync();
    }

    [Fact]
    public async Task A_Redis_that_is_away_is_tried_a_few_times_a_second()
    {
        var (stop, calls) = KeepBidding();
        await _stack.Redis.Process.KillAsync();
        var attempts = await CountConnectsAsync(_stack.Redis.Port);
        await _stack.Redis.StartAsync();
        await EndAsync(stop, calls);

        Assert.InRange(attempts, 1, BurstMax + AttemptsPerSecondMax * Watched.TotalSeconds);
        await TakesABidAsync();
    }

    /// <summary>Accepts and closes every connection, as a server does that cannot be used.</summary>
    private static async Task<int> CountConnectsAsync(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        await Eventually.TrueAsync(() =>
        {
            try
            {
                listener.Start();
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        });
        using var end = new CancellationTokenSource(Watched, TimeProvider.System);
        var count = 0;
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(end.Token);
                socket.LingerState = new LingerOption(true, 0); // a reset, as from a closed port
                count++;
            }
        }
        catch (OperationCanceledException)
        {
            return count;
        }
    }

    /// <summary>Twenty callers who do not wait after a refusal.</summary>
    private (CancellationTokenSource Stop, Task Calls) KeepBidding()
    {
        var stop = new CancellationTokenSource();
        var client = new Bidding(_stack.Services[0].Channel);
        var calls = Enumerable.Range(0, 20).Select(async i =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await client.PlaceBidAsync(
                        Bids.BiddingStack.Proxy(_auction, 100 + i), Bids.BiddingStack.As($"b{i}"),
                        TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(5));
                }
                catch (RpcException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
                }
            }
        });
        return (stop, Task.WhenAll(calls));
    }

    private static async Task EndAsync(CancellationTokenSource stop, Task calls)
    {
        await stop.CancelAsync();
        await Eventually.EndsAsync(calls);
        stop.Dispose();
    }

    private Task TakesABidAsync() => Eventually.TrueAsync(async () =>
    {
        try
        {
            var client = new Bidding(_stack.Services[0].Channel);
            await client.PlaceBidAsync(Bids.BiddingStack.Proxy(_auction, 1_000), Bids.BiddingStack.As("last"));
            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    });
}

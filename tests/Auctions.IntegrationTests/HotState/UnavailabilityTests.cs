using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

public sealed class UnavailabilityTests : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly Guid AuctionId = Guid.NewGuid();
    private static readonly Head Head = new(0, Guid.NewGuid(),
        new Terms("seller", "USD", 10_00, 0, 0, new Increment.Fixed(1_00), SoftClose.None, 1),
        AuctionState.Opened(AuctionStatus.Active, Currency.MaxAmount), DecidedUs: 0);

    private readonly RedisServer _server = new();
    private IConnectionMultiplexer _connection = null!;
    private RedisHotState _hotState = null!;

    public async Task InitializeAsync()
    {
        await _server.InitializeAsync();
        _connection = await RedisConnection.ConnectAsync($"{_server.Configuration},allowAdmin=true,asyncTimeout=500");
        _hotState = NewHotState(callTimeoutMs: 30_000);
        Assert.True(await _hotState.HydrateAsync(AuctionId, null, Head, [], None));
    }

    public async Task DisposeAsync()
    {
        _server.Process.Resume();
        await _connection.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_dead_server_is_unavailable_for_every_call_until_it_is_back()
    {
        await _server.Process.KillAsync();
        await Unavailable(() => DecideAsync());
        await Unavailable(() => _hotState.ReadHeadAsync(AuctionId, None));
        await Unavailable(() => _hotState.ReadPendingAsync(AuctionId, None));
        await Unavailable(() => _hotState.HydrateAsync(AuctionId, null, Head, [], None));
        await Unavailable(() => _hotState.RemovePendingAsync(AuctionId, [1], None));
        await Unavailable(() => _hotState.SealAsync(AuctionId, None));
        await Unavailable(() => _hotState.DropIfBehindAsync(AuctionId, 1, Guid.NewGuid(), 0, None));

        // After the restart the script cache is empty, and the data of the last second may be lost.
        await _server.StartAsync();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                await DecideAsync();
                return true;
            }
            catch (HotStateUnavailableException)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_unavailable_after_the_timeout()
    {
        _server.Process.Suspend();
        var impatient = NewHotState(callTimeoutMs: 50);
        var fault = await Unavailable(() => impatient.DecideAsync(AuctionId, [NewBid()], None));
        Assert.IsType<TimeoutException>(fault.InnerException);

        // A patient caller fails when the connection times out.
        fault = await Unavailable(() => DecideAsync());
        Assert.IsType<RedisTimeoutException>(fault.InnerException);
    }

    [Fact]
    public async Task A_server_that_returns_an_error_is_unavailable()
    {
        await _connection.GetDatabase().ExecuteAsync("CONFIG", "SET", "maxmemory", "1");
        var fault = await Unavailable(() => DecideAsync());
        Assert.Contains("OOM", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_dies_during_a_scan_is_unavailable()
    {
        const int auctions = 20_000; // many pages
        var redis = _connection.GetDatabase();
        var keys = Enumerable.Range(0, auctions).Select(_ => new HotKeys(Guid.NewGuid()).Pending);
        await redis.StringSetAsync([.. keys.Select(k => KeyValuePair.Create(k, (RedisValue)"pending"))]);
        var look = _hotState.RepairPendingIndexAsync(None);

        await _server.Process.KillAsync();

        var fault = await Unavailable(() => look);
        Assert.IsAssignableFrom<RedisException>(fault.InnerException);
        await _server.StartAsync();
    }

    [Fact]
    public async Task A_cancelled_call_does_not_wait()
    {
        _server.Process.Suspend();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => _hotState.DecideAsync(AuctionId, [NewBid()], new CancellationToken(canceled: true)));
    }

    private static UndecidedBid NewBid() => new(
        Guid.NewGuid(), new Bid("ann", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 50_00), Guid.Empty, Limited: false);

    private RedisHotState NewHotState(int callTimeoutMs) =>
        new(_connection, new HotStateOptions { CallTimeoutMs = callTimeoutMs }, NullLogger<RedisHotState>.Instance);

    private Task<DecidedBatch?> DecideAsync() => _hotState.DecideAsync(AuctionId, [NewBid()], None);

    private static Task<HotStateUnavailableException> Unavailable(Func<Task> call) =>
        Assert.ThrowsAsync<HotStateUnavailableException>(call);
}

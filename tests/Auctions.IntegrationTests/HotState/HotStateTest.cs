using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>A real Redis, the hot state under test, and one auction that is not in Redis yet.</summary>
[Collection(RedisCollection.Name)]
public abstract class HotStateTest(RedisServer server) : IAsyncLifetime
{
    protected const long Hour = 3_600_000_000;

    protected static readonly CancellationToken None = CancellationToken.None;

    private TestStack _stack = null!;

    protected IConnectionMultiplexer Connection => _stack.RedisClient;

    /// <summary>Direct access to the data.</summary>
    protected IDatabase Redis => Connection.GetDatabase();

    protected RedisHotState HotState { get; private set; } = null!;

    protected RedisServer Server => server;

    protected Guid AuctionId { get; } = Guid.NewGuid();

    protected HotKeys Keys => new(AuctionId);

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(redis: server);
        HotState = NewHotState();
    }

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    protected RedisHotState NewHotState(Action<HotStateOptions>? change = null) => _stack.NewHotState(change);

    /// <summary>Redis' clock, microseconds.</summary>
    protected async Task<long> NowUsAsync()
    {
        var time = (long[])(await Redis.ExecuteAsync("TIME"))!;
        return time[0] * 1_000_000 + time[1];
    }

    /// <summary>An active auction that ends in an hour: opens at 10.00 USD, increment 1.00.</summary>
    protected async Task<Head> OpenHeadAsync() => new(0, Guid.NewGuid(),
        new Terms("seller", "USD", 10_00, 0, 0, new Increment.Fixed(1_00), SoftClose.None, StartUs: 1),
        AuctionState.Opened(AuctionStatus.Active, await NowUsAsync() + Hour), DecidedUs: 1);

    /// <summary>Sets the auction in Redis.</summary>
    protected async Task<Head> HydrateAsync(Func<Head, Head>? change = null)
    {
        var head = await OpenHeadAsync();
        head = change?.Invoke(head) ?? head;
        var seen = await HotState.ReadHeadAsync(AuctionId, None);
        Assert.True(await HotState.HydrateAsync(AuctionId, seen, head, [], None));
        return head;
    }

    protected static UndecidedBid Proxy(
        string bidder, long max, Guid? key = null, Guid replaces = default, bool limited = false) =>
        new(Guid.NewGuid(), new Bid(bidder, key ?? Guid.NewGuid(), BidKind.Proxy, "USD", 0, max), replaces, limited);

    /// <summary>Decides one bid on an auction that is in Redis.</summary>
    protected async Task<DecidedBid> DecideAsync(UndecidedBid bid) =>
        Assert.Single((await HotState.DecideAsync(AuctionId, [bid], None))!.Bids);

    /// <summary>The stored answer to a key, from either of the two hashes.</summary>
    protected async Task<string?> AnswerAsync(string bidder, Guid key)
    {
        var field = HotKeys.AnswerField(bidder, key);
        foreach (var answers in Keys.Answers)
        {
            if (await Redis.HashGetAsync(answers, field) is { IsNull: false } line) return line;
        }

        return null;
    }

    /// <summary>Stores a line as the answer to a key, as somebody might do by hand.</summary>
    protected async Task SetAnswerAsync(string bidder, Guid key, string line)
    {
        var field = HotKeys.AnswerField(bidder, key);
        foreach (var answers in Keys.Answers) await Redis.HashSetAsync(answers, field, line);
    }

    /// <summary>How long Redis keeps the answers of this period.</summary>
    protected async Task<TimeSpan> AnswersTimeToLiveAsync()
    {
        var lives = await Task.WhenAll(Keys.Answers.Select(k => Redis.KeyTimeToLiveAsync(k)));
        return lives.Max() ?? throw new InvalidOperationException("There are no answers that expire.");
    }

    protected async Task<Dictionary<string, string>> HashAsync() =>
        (await Redis.HashGetAllAsync(Keys.Auction)).ToDictionary(e => e.Name.ToString(), e => e.Value.ToString());
}

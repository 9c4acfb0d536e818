using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Grpc.Core;
using StackExchange.Redis;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Bids;

/// <summary>
/// BiddingService in one or more instances, with its own Postgres and Redis, which the test may kill. Auctions are
/// created in the ledger directly.
/// </summary>
internal sealed class BiddingStack : IAsyncDisposable
{
    private readonly TestStack _stack;

    private BiddingStack(TestStack stack) => _stack = stack;

    public PostgresServer Postgres => _stack.Postgres;

    public RedisServer Redis => _stack.Redis;

    /// <summary>For an operator with psql.</summary>
    public string LedgerConnection => _stack.Database.ConnectionString;

    public TestService Service => _stack.Services[0];

    public V1.BiddingService.BiddingServiceClient Client => ClientOf(instance: 0);

    /// <summary>The test's own connection.</summary>
    public IConnectionMultiplexer RedisClient => _stack.RedisClient;

    private IDatabase RedisDatabase => _stack.RedisClient.GetDatabase();

    public static async Task<BiddingStack> StartAsync(int instances = 1, params string[] settings)
    {
        var stack = await StartWithServersAsync();
        for (var i = 0; i < instances; i++)
            await stack.StartServiceAsync(global::BiddingService.Composition.Build, settings);
        return new BiddingStack(stack);
    }

    public Task StopServiceAsync() => _stack.StopServiceAsync(Service);

    public Task StartServiceAsync(params string[] settings) =>
        _stack.StartServiceAsync(global::BiddingService.Composition.Build, settings);

    /// <summary>The ledger's head of an auction.</summary>
    public async Task<Head> ReadHeadAsync(Guid auction) =>
        (await _stack.Database.Ledger.ReadHeadAsync(auction, CancellationToken.None))!;

    /// <summary>A token without a limit on the number of bids a second.</summary>
    public static Metadata As(string subject, Roles roles = Roles.Bidder) => Headers(subject, roles, "velocity");

    public static Metadata AsLimited(string subject) => Headers(subject, Roles.Bidder);

    /// <summary>A proxy bid up to that many cents.</summary>
    public static V1.PlaceBidRequest Proxy(Guid auction, long cents, Guid? key = null) => new()
    {
        AuctionId = $"{auction}",
        IdempotencyKey = $"{key ?? Guid.NewGuid()}",
        MaxAmount = Usd(cents),
    };

    /// <summary>An auction from $1 with increments of 10 cents, by the seller <c>sel</c>, for an hour.</summary>
    public Task<Guid> OpenAsync(long buyNow = 0, long reserve = 0)
    {
        var start = NowUs - 1_000_000;
        var terms = new Terms("sel", "USD", 100, reserve, buyNow, new Increment.Fixed(10), SoftClose.None, start);
        return _stack.Database.OpenAsync(terms, endUs: NowUs + LedgerDatabase.Hour, createdUs: null);
    }

    /// <summary>Sets columns to values that the schema would refuse today.</summary>
    public Task DamageAsync(Guid auction, string assignment) => _stack.Database.DamageAsync(auction, assignment);

    /// <summary>An operator's error.</summary>
    public Task FlushRedisAsync() => RedisDatabase.ExecuteAsync("FLUSHALL");

    public Task EditRedisAsync(Guid auction, string field, string value) =>
        RedisDatabase.HashSetAsync(new HotKeys(auction).Auction, field, value);

    /// <summary>Edits the line of a decision, both in the pending entries and in the answers.</summary>
    public async Task ForgeAsync(Guid auction, string bidder, Guid key, Func<DecidedBid, DecidedBid> edit)
    {
        var decided = await DecideOnlyAsync(auction, new Bid(bidder, key, BidKind.Proxy, "USD", 0, 700));
        var (keys, line) = (new HotKeys(auction), DecisionLine.Format(edit(decided)));
        await RedisDatabase.HashSetAsync(keys.Pending, decided.Version, line);
        foreach (var answers in keys.Answers)
            await RedisDatabase.HashSetAsync(answers, HotKeys.AnswerField(bidder, key), line);
    }

    /// <summary>A bid whose service dies between Redis and the ledger.</summary>
    public async Task<DecidedBid> DecideOnlyAsync(Guid auction, Bid bid)
    {
        var undecided = new UndecidedBid(Guid.CreateVersion7(), bid, Guid.Empty, Limited: false);
        return (await _stack.NewHotState().DecideAsync(auction, [undecided], CancellationToken.None))!.Bids[0];
    }

    public async Task<V1.BidResult> BidAsync(
        Guid auction, string bidder, long cents, Guid? key = null, int instance = 0) =>
        (await ClientOf(instance).PlaceBidAsync(Proxy(auction, cents, key), As(bidder))).Result;

    /// <summary>Sends the same bid until its outcome is known, as a client does.</summary>
    public async Task<V1.BidResult> BidUntilKnownAsync(
        Guid auction, string bidder, long cents, Guid? key = null, int instance = 0)
    {
        key ??= Guid.NewGuid();
        V1.BidResult? answer = null;
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                answer = await BidAsync(auction, bidder, cents, key, instance);
                return true;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted)
            {
                return false;
            }
        });
        return answer!;
    }

    /// <summary>The auction's complete record, in which the audit finds no violation.</summary>
    public async Task<AuctionRecord> AuditedAsync(Guid auction)
    {
        var record = await Service.Get<LedgerHistory>().ReadRecordAsync(auction, CancellationToken.None);
        Assert.Empty(LedgerDatabase.Audit(auction, record!));
        return record!;
    }

    public async ValueTask DisposeAsync() => await _stack.DisposeAsync();

    private V1.BiddingService.BiddingServiceClient ClientOf(int instance) => new(_stack.Services[instance].Channel);
}

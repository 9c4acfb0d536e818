using System.Security.Cryptography;
using Auctions.Core;
using Auctions.IntegrationTests.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Bids;

/// <summary>
/// BiddingService as it runs, in as many instances as a test asks for, over a Postgres and a Redis of its own, which the test may kill.
/// Auctions are opened in the ledger directly.
/// </summary>
internal sealed class BiddingStack : IAsyncDisposable
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);
    private static readonly TokenIssuer Tokens = new(Key, TimeProvider.System);

    private readonly List<WebApplication> _apps = [];
    private readonly List<GrpcChannel> _channels = [];

    public PostgresServer Postgres { get; } = new();

    public RedisServer Redis { get; } = new();

    /// <summary>A client an instance.</summary>
    public List<V1.BiddingService.BiddingServiceClient> Clients { get; } = [];

    public V1.BiddingService.BiddingServiceClient Client => Clients[0];

    public GrpcChannel Channel => _channels[0];

    private IDatabase RedisDatabase => Services.GetRequiredService<IConnectionMultiplexer>().GetDatabase();

    public WebApplication App => _apps[0];

    public IServiceProvider Services => App.Services;

    public static long NowUs => TimeProvider.System.GetUtcNow().ToMicroseconds();

    public static async Task<BiddingStack> StartAsync(int instances = 1, params string[] settings)
    {
        var stack = new BiddingStack();
        await Task.WhenAll(stack.Postgres.InitializeAsync(), stack.Redis.InitializeAsync());
        var database = await stack.Postgres.CreateDatabaseAsync();
        for (var i = 0; i < instances; i++)
        {
            var app = global::BiddingService.Composition.Build(
            [
                "--Listen:Grpc=127.0.0.1:0", $"--Auth:Hs256Key={Convert.ToBase64String(Key)}", $"--Postgres:ConnectionString={database}",
                "--Logging:LogLevel:Default=Error", .. stack.Redis.PatientSettings, .. settings,
            ]);
            await app.StartAsync();
            stack._apps.Add(app);
            stack._channels.Add(GrpcChannel.ForAddress(app.Urls.First()));
            stack.Clients.Add(new V1.BiddingService.BiddingServiceClient(stack._channels[^1]));
        }

        return stack;
    }

    public static Metadata As(string subject, Roles roles = Roles.Bidder) =>
        ProbeHost.Bearer(Tokens.Mint(subject, roles, TimeSpan.FromHours(1), "velocity"));

    /// <summary>With a token that exempts from nothing.</summary>
    public static Metadata AsLimited(string subject) => ProbeHost.Bearer(Tokens.Mint(subject, Roles.Bidder, TimeSpan.FromHours(1)));

    public static V1.Money Usd(long cents) => Auctions.Grpc.MoneyMap.FromMinor(cents, "USD");

    /// <summary>A proxy bid up to that many cents.</summary>
    public static V1.PlaceBidRequest Proxy(Guid auction, long cents, Guid? key = null) =>
        new() { AuctionId = auction.ToString(), IdempotencyKey = (key ?? Guid.NewGuid()).ToString(), MaxAmount = Usd(cents) };

    /// <summary>An auction from $1 with increments of 10 cents, by the seller <c>sel</c>, an hour long.</summary>
    public async Task<Guid> OpenAsync(long buyNow = 0)
    {
        var terms = new Terms("sel", "USD", 100, 0, buyNow, new Increment.Fixed(10), SoftClose.None, NowUs - 1_000_000);
        var auction = new NewAuction(Guid.NewGuid(), Guid.NewGuid(), "", "A clock", "", [], "", "", terms, NowUs + 3_600_000_000, NowUs);
        await Services.GetRequiredService<LedgerLifecycle>().CreateAsync(auction, CancellationToken.None);
        return auction.Id;
    }

    /// <summary>As an operator would, who should not.</summary>
    public Task FlushRedisAsync() => RedisDatabase.ScriptEvaluateAsync("return redis.call('FLUSHALL')");

    public Task EditRedisAsync(Guid auction, string field, string value) => RedisDatabase.HashSetAsync(new HotKeys(auction).Auction, field, value);

    /// <summary>Edits the line of a decision, both where it is pending and where it answers its key.</summary>
    public async Task ForgeAsync(Guid auction, string bidder, Guid key, Func<DecidedBid, DecidedBid> edit)
    {
        var decided = await DecideOnlyAsync(auction, new Bid(bidder, key, BidKind.Proxy, "USD", 0, 700));
        var line = DecisionLine.Format(edit(decided));
        var keys = new HotKeys(auction);
        await RedisDatabase.HashSetAsync(keys.Pending, decided.Version, line);
        foreach (var answers in keys.Answers) await RedisDatabase.HashSetAsync(answers, HotKeys.AnswerField(bidder, key), line);
    }

    /// <summary>A bid whose service dies between Redis and the ledger.</summary>
    public async Task<DecidedBid> DecideOnlyAsync(Guid auction, Bid bid) =>
        (await Services.GetRequiredService<IHotState>().DecideAsync(auction, [new UndecidedBid(Guid.CreateVersion7(), bid, Guid.Empty, Limited: false)], CancellationToken.None))!.Bids[0];

    public async Task<V1.BidResult> BidAsync(Guid auction, string bidder, long cents, Guid? key = null, int instance = 0) =>
        (await Clients[instance].PlaceBidAsync(Proxy(auction, cents, key), As(bidder))).Result;

    /// <summary>Sends the same bid until its outcome is known, as a client does.</summary>
    public async Task<V1.BidResult> BidUntilKnownAsync(Guid auction, string bidder, long cents, int instance = 0)
    {
        var key = Guid.NewGuid();
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

    /// <summary>The auction's whole record: audited, and nothing found.</summary>
    public async Task<AuctionRecord> AuditedAsync(Guid auction)
    {
        var record = (await Services.GetRequiredService<LedgerHistory>().ReadRecordAsync(auction, CancellationToken.None))!;
        Assert.Empty(ChainAudit.Check(auction, record.Entries, record.Answers,
            new ChainHead(record.Auction.Head, record.Auction.Winner, record.Auction.EndReason)));
        return record;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels) channel.Dispose();
        foreach (var app in _apps)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }

        await Redis.DisposeAsync();
        await Postgres.DisposeAsync();
    }
}

using System.Security.Cryptography;
using Auctions.Core;
using Auctions.IntegrationTests.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.HotState;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using AuctionService;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Life;

/// <summary>AuctionService as it runs, on a free port, with a client; and the stores, to bid without BiddingService.</summary>
internal sealed class LifeHost : IAsyncDisposable
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);
    private static readonly TokenIssuer Tokens = new(Key, TimeProvider.System);

    private LifeHost(WebApplication app)
    {
        App = app;
        Channel = GrpcChannel.ForAddress(app.Urls.First());
        Client = new V1.AuctionService.AuctionServiceClient(Channel);
    }

    public WebApplication App { get; }

    public GrpcChannel Channel { get; }

    public V1.AuctionService.AuctionServiceClient Client { get; }

    public IHotState HotState => App.Services.GetRequiredService<IHotState>();

    public PostgresLedger Ledger => App.Services.GetRequiredService<PostgresLedger>();

    public LedgerLifecycle Lifecycle => App.Services.GetRequiredService<LedgerLifecycle>();

    public NpgsqlDataSource Source => App.Services.GetRequiredService<NpgsqlDataSource>();

    public static long NowUs => TimeProvider.System.GetUtcNow().ToMicroseconds();

    public static async Task<LifeHost> StartAsync(string postgres, params string[] settings)
    {
        var app = Composition.Build(
        [
            "--Listen:Grpc=127.0.0.1:0", $"--Auth:Hs256Key={Convert.ToBase64String(Key)}", $"--Postgres:ConnectionString={postgres}",
            "--Logging:LogLevel:Default=Warning", .. settings,
        ]);
        await app.StartAsync();
        return new LifeHost(app);
    }

    public static Task<LifeHost> StartAsync(string postgres, RedisServer redis, params string[] settings) =>
        StartAsync(postgres, [.. redis.PatientSettings, .. settings]);

    public static async Task<LifeHost> StartAsync(LifeServers servers, params string[] settings) =>
        await StartAsync(await servers.Postgres.CreateDatabaseAsync(), servers.Redis, settings);

    public static Metadata As(string subject, Roles roles = Roles.Seller) => ProbeHost.Bearer(Tokens.Mint(subject, roles, TimeSpan.FromHours(1)));

    /// <summary>A good request: USD, from 10, increments of 1, an hour long.</summary>
    public static V1.CreateAuctionRequest Request(Action<V1.Auction>? change = null)
    {
        var auction = new V1.Auction
        {
            Title = "A clock",
            Description = "Ticks.\nSometimes.",
            MediaUrls = { "https://pictures.example/clock.jpg" },
            Category = "clocks",
            PostId = "post-1",
            CurrencyCode = "USD",
            OpeningPrice = Usd(10_00),
            Increment = new V1.IncrementRule { Fixed = Usd(1_00) },
            OriginalEndTime = In(TimeSpan.FromHours(1)),
        };
        change?.Invoke(auction);
        return new V1.CreateAuctionRequest { Auction = auction, IdempotencyKey = Guid.NewGuid().ToString() };
    }

    public static V1.Money Usd(long cents) => MoneyMap.FromMinor(cents, "USD");

    public static Google.Protobuf.WellKnownTypes.Timestamp In(TimeSpan span) => TimeMap.FromUs(NowUs + (long)span.TotalMicroseconds);

    public async Task<V1.Auction> CreateAsync(Action<V1.Auction>? change = null, string seller = "sel") =>
        (await Client.CreateAuctionAsync(Request(change), As(seller))).Auction;

    public async Task<V1.Auction> GetAsync(V1.Auction auction) =>
        (await Client.GetAuctionAsync(new V1.GetAuctionRequest { AuctionId = auction.AuctionId })).Auction;

    public async Task<V1.Auction> EndedAsync(V1.Auction auction)
    {
        V1.Auction now = auction;
        await Eventually.TrueAsync(async () => (now = await GetAsync(auction)).State.Status == V1.AuctionStatus.Ended);
        return now;
    }

    /// <summary>A proxy bid, decided by Redis.</summary>
    /// <param name="persist">Whether it goes on to the ledger, as it does unless a service dies in between.</param>
    public async Task<DecidedBid> BidAsync(V1.Auction auction, string bidder, long maxCents, bool persist = true)
    {
        var id = Guid.Parse(auction.AuctionId);
        var bid = new Bid(bidder, Guid.NewGuid(), BidKind.Proxy, auction.CurrencyCode, 0, maxCents);
        UndecidedBid[] proposals = [new UndecidedBid(Guid.CreateVersion7(), bid, Guid.Empty, Limited: false)];
        var proposed = await HotState.DecideAsync(id, proposals, CancellationToken.None);
        if (proposed is null)
        {
            await App.Services.GetRequiredService<Recovery>().HydrateAsync(id, CancellationToken.None);
            proposed = await HotState.DecideAsync(id, proposals, CancellationToken.None);
        }

        var decided = proposed!.Bids[0];
        if (persist)
        {
            var result = Assert.Single(await Ledger.AppendAsync([decided], [], CancellationToken.None));
            Assert.Equal(AppendOutcome.Appended, result.Outcome);
        }

        return decided;
    }

    /// <summary>One number from Postgres.</summary>
    public async Task<long> CountAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
    }
}

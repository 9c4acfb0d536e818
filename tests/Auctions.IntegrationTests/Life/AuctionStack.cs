using System.Globalization;
using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using AuctionService;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using StackExchange.Redis;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Life;

/// <summary>
/// AuctionService in one or more instances, which share a database. Bids are made without BiddingService.
/// </summary>
internal sealed class AuctionStack : IAsyncDisposable
{
    /// <summary>The time to an end that <see cref="EndSoonAsync"/> sets: waves look further ahead.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    private readonly TestStack _stack;
    private readonly string[] _settings;

    private AuctionStack(TestStack stack, string[] settings) => (_stack, _settings) = (stack, settings);

    public V1.AuctionService.AuctionServiceClient Client => ClientOf(instance: 0);

    public TestService Service => _stack.Services[0];

    public IHotState HotState => Service.Get<IHotState>();

    /// <summary>Sets the ledger's clock, which then stands.</summary>
    public Task SetClockAsync(long us) => _stack.Database.SetClockAsync(us);

    /// <summary>An operator's open transaction on these auctions.</summary>
    internal Task<RowLock> LockAsync(IEnumerable<V1.Auction> auctions) => RowLock.TakeAsync(
        _stack.Database.ConnectionString, [.. auctions.Select(a => Guid.Parse(a.AuctionId))]);

    public IDatabase Redis => _stack.RedisClient.GetDatabase();

    public static async Task<AuctionStack> StartAsync(
        TestServers servers, int instances = 1, params string[] settings)
    {
        var stack = new AuctionStack(await TestStack.StartAsync(servers.Postgres, servers.Redis), settings);
        for (var i = 0; i < instances; i++) await stack.StartInstanceAsync();
        return stack;
    }

    public Task StartInstanceAsync() => _stack.StartServiceAsync(Composition.Build, _settings);

    public Task StopInstanceAsync() => _stack.StopServiceAsync(Service);

    public static Metadata As(string subject, Roles roles = Roles.Seller) => Headers(subject, roles);

    /// <summary>A valid request: USD, from 10, increments of 1, for an hour.</summary>
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

    public static Timestamp In(TimeSpan span) => TimeMap.FromUs(NowUs + (long)span.TotalMicroseconds);

    public async Task<V1.Auction> CreateAsync(
        Action<V1.Auction>? change = null, string seller = "sel", int instance = 0) =>
        (await ClientOf(instance).CreateAuctionAsync(Request(change), As(seller))).Auction;

    /// <summary>Runs SQL as an operator with psql.</summary>
    public Task ByHandAsync(string sql) => PostgresServer.ExecuteAsync(_stack.Database.ConnectionString, sql);

    /// <inheritdoc cref="LedgerDatabase.DamageAsync"/>
    public Task DamageAsync(V1.Auction auction, string change) =>
        _stack.Database.DamageAsync(Guid.Parse(auction.AuctionId), change);

    /// <summary>
    /// Moves the end of all open auctions to this moment and a little more, as an operator does: when everything
    /// stands, however long it took.
    /// </summary>
    /// <returns>The end, microseconds since 1970.</returns>
    public async Task<long> EndSoonAsync()
    {
        await ByHandAsync($"""
            update auctions set end_us = e.end_us from (select now_us() + {Soon.TotalMicroseconds} as end_us) e
            where status in ('scheduled', 'active')
            """);
        return await CountAsync("select max(end_us) from auctions");
    }

    /// <summary>
    /// The ledger's clock passes a time, and then stands. Unlike an operator's change, this leaves no entry.
    /// </summary>
    public Task PassAsync(Timestamp time) => SetClockAsync(TimeMap.ToUs(time)!.Value + 1);

    /// <summary>Makes auctions due, as an operator does. The guard finds them.</summary>
    public Task MakeDueAsync(string where = "true") =>
        ByHandAsync($"update auctions set end_us = now_us() where {where}");

    public async Task<V1.Auction> GetAsync(V1.Auction auction) =>
        (await Client.GetAuctionAsync(new V1.GetAuctionRequest { AuctionId = auction.AuctionId })).Auction;

    /// <summary>The auction once it has ended. The first calls after an outage may use a broken connection.</summary>
    public async Task<V1.Auction> EndedAsync(V1.Auction auction)
    {
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (auction = await GetAsync(auction)).State.Status == V1.AuctionStatus.Ended;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
            {
                return false;
            }
        });
        return auction;
    }

    /// <summary>A bid that Redis decides, a proxy bid unless it says otherwise.</summary>
    /// <param name="persist">Whether it is appended to the ledger. If not, it is as if the service had died.</param>
    public async Task<DecidedBid> BidAsync(V1.Auction auction, string bidder, long maxCents, bool persist = true,
        BidKind kind = BidKind.Proxy)
    {
        var id = Guid.Parse(auction.AuctionId);
        var bid = new Bid(
            bidder, Guid.NewGuid(), kind, kind == BidKind.BuyNow ? "" : auction.CurrencyCode, 0, maxCents);
        UndecidedBid[] undecided = [new(Guid.CreateVersion7(), bid, Guid.Empty, Limited: false)];
        var batch = await HotState.DecideAsync(id, undecided, CancellationToken.None);
        if (batch is null)
        {
            await Service.Get<Recovery>().HydrateAsync(id, CancellationToken.None);
            batch = await HotState.DecideAsync(id, undecided, CancellationToken.None);
        }

        var decided = batch!.Bids[0];
        if (persist)
        {
            var result = await Service.Get<PostgresLedger>().AppendAsync([decided], [], [], CancellationToken.None);
            Assert.Equal(AppendOutcome.Appended, Assert.Single(result).Outcome);
        }

        return decided;
    }

    /// <summary>One number from Postgres.</summary>
    public async Task<long> CountAsync(string sql)
    {
        await using var command = Service.Get<LedgerPools>().Reads.CreateCommand(sql);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync() => await _stack.DisposeAsync();

    private V1.AuctionService.AuctionServiceClient ClientOf(int instance) => new(_stack.Services[instance].Channel);
}

/// <summary>
/// One AuctionService for the tests of a class, which do not depend on the auctions of others. It runs without Quartz,
/// so it starts sooner.
/// </summary>
public sealed class AuctionFixture(TestServers servers) : IAsyncLifetime
{
    internal AuctionStack Stack { get; private set; } = null!;

    public async Task InitializeAsync() => Stack = await AuctionStack.StartAsync(
        servers, settings: ["--Auction:Waves=false", "--Auction:IncrementTables:steep=USD:0=100,10000=1000"]);

    public async Task DisposeAsync() => await Stack.DisposeAsync();
}

using Auctions.Core;
using Auctions.Hosting;
using Auctions.Ledger;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>Registers the hot state with a service: options, connection, circuit and health.</summary>
public static class HotStateRegistration
{
    /// <summary>
    /// Adds <see cref="IHotState"/> on Redis and its <see cref="IConnectionMultiplexer"/>. The service also starts, and
    /// is ready, without Redis.
    /// </summary>
    public static IServiceCollection AddHotState(this IServiceCollection services, IConfiguration configuration) =>
        services
            .AddSection<RedisOptions>(configuration)
            .AddSection<HotStateOptions>(configuration)
            // Blocks once, at the start, and only until the first attempt to connect has ended.
            .AddSingleton(s => RedisConnection.ConnectAsync(OptionsOf<RedisOptions>(s).Configuration)
                .GetAwaiter().GetResult())
            .AddSingleton(s => new HotStateCircuit(
                new RedisHotState(s.GetRequiredService<IConnectionMultiplexer>(), OptionsOf<HotStateOptions>(s),
                    s.GetRequiredService<ILogger<RedisHotState>>()),
                s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<HotStateCircuit>>()))
            .AddSingleton<IHotState>(s => s.GetRequiredService<HotStateCircuit>())
            .AddDependency("redis", required: false,
                (s, _) => s.GetRequiredService<IConnectionMultiplexer>().GetDatabase().PingAsync())
            .AddSingleton(s => new ComparedClock("redis", _ => ReadClockAsync(
                s.GetRequiredService<IConnectionMultiplexer>().GetDatabase())))
            .AddWarmUp("redis", WarmUpAsync);

    /// <summary>The clock by which the scripts decide, in microseconds since 1970.</summary>
    private static async Task<long> ReadClockAsync(IDatabase redis)
    {
        var time = (long[])(await redis.ExecuteAsync("TIME", [], CommandFlags.DemandMaster))!;
        return time[0] * 1_000_000 + time[1];
    }

    /// <summary>Adds the ledger, the hot state, and the recovery that reconciles them.</summary>
    public static IServiceCollection AddStores(this IServiceCollection services, IConfiguration configuration) =>
        services.AddLedger(configuration).AddHotState(configuration).AddSingleton<Recovery>();

    /// <summary>
    /// Runs the scripts on an auction that does not exist: they are loaded, and write nothing. The hydration names a
    /// head that Redis does not have, so it does nothing either.
    /// </summary>
    private static async Task WarmUpAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var hotState = services.GetRequiredService<IHotState>();
        var terms = new Terms("seller", "USD", 1, 0, 0, Increment.EbayUs, SoftClose.None, 0);
        for (var round = 0; round < 3; round++)
        {
            var auctionId = Guid.CreateVersion7();
            var state = AuctionState.Opened(AuctionStatus.Active, long.MaxValue);
            var head = new Head(0, Guid.CreateVersion7(), terms, state, DecidedUs: 0);
            var bid = new Bid("warm-up", Guid.CreateVersion7(), BidKind.Proxy, "USD", 0, 1);
            var decided = DecidedBid.Decide(auctionId, head, Guid.CreateVersion7(), bid, clockUs: 1);
            DecisionLine.Parse(auctionId, DecisionLine.Format(decided));
            var undecided = new UndecidedBid(decided.Id, bid, Guid.Empty, Limited: true);
            await hotState.DecideAsync(auctionId, [undecided], cancellationToken);
            await hotState.ReadPendingAsync(auctionId, cancellationToken);
            await hotState.HydrateAsync(auctionId, new HotHead(1, decided.Id), head, [decided], cancellationToken);
            await hotState.RemovePendingAsync(auctionId, [decided.Version], cancellationToken);
            await hotState.SealAsync(auctionId, cancellationToken);
        }
    }

    private static T OptionsOf<T>(IServiceProvider services) where T : class =>
        services.GetRequiredService<IOptions<T>>().Value;
}

/// <summary>Where Redis is.</summary>
public sealed class RedisOptions : ISectionOptions
{
    public static string Section => "Redis";

    /// <summary>In StackExchange.Redis' format: <c>host:port,option=value</c>.</summary>
    public string Configuration { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (!IsUsable()) yield return "Redis:Configuration must be host:port, with options after commas.";
    }

    private bool IsUsable()
    {
        try
        {
            return ConfigurationOptions.Parse(Configuration).EndPoints.Count > 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>How long Redis keeps data, how long callers wait for Redis, and how fast a bidder may bid.</summary>
public sealed class HotStateOptions : ISectionOptions
{
    private static readonly TimeSpan TtlMin = TimeSpan.FromSeconds(1), TtlMax = TimeSpan.FromDays(365);

    public static string Section => "HotState";

    /// <summary>
    /// How long Redis keeps the answer to an idempotency key, 1 s to 365 days. Later retries are answered too, but more
    /// slowly: the ledger keeps every answer.
    /// </summary>
    public TimeSpan IdempotencyTtl { get; set; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long Redis keeps an auction after its last bid, 1 s to 365 days. The next bid loads it from the ledger.
    /// </summary>
    public TimeSpan IdleTtl { get; set; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How many bids of one bidder on one auction are accepted within <see cref="VelocityWindow"/>, 0 to 100;
    /// 0 = no limit.
    /// </summary>
    public int VelocityBidsMax { get; set; } = 10;

    /// <summary>1 s to 1 hour.</summary>
    public TimeSpan VelocityWindow { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long a call to Redis may take, in milliseconds, 10 to 60,000. After that the ledger decides the bid.
    /// </summary>
    public int CallTimeoutMs { get; set; } = 600;

    /// <summary>
    /// How many auctions' terms a service remembers, so that replies need not repeat them, 1 to 100,000,000. Some 700
    /// bytes each. Should exceed the number of auctions that have bids at the same time: a reply with terms costs the
    /// service some 40 us more.
    /// </summary>
    public int KnownTermsMax { get; set; } = 200_000;

    public VelocityLimit Velocity => new(VelocityBidsMax, (long)VelocityWindow.TotalMicroseconds);

    public IEnumerable<string> Failures()
    {
        if (IdempotencyTtl < TtlMin || IdempotencyTtl > TtlMax)
            yield return $"{Section}:{nameof(IdempotencyTtl)} must be 1 s to 365 days, and is {IdempotencyTtl}.";
        if (IdleTtl < TtlMin || IdleTtl > TtlMax)
            yield return $"{Section}:{nameof(IdleTtl)} must be 1 s to 365 days, and is {IdleTtl}.";
        if (CallTimeoutMs is < 10 or > 60_000)
            yield return $"{Section}:{nameof(CallTimeoutMs)} must be 10 to 60000, and is {CallTimeoutMs}.";
        if (KnownTermsMax is < 1 or > 100_000_000)
            yield return $"{Section}:{nameof(KnownTermsMax)} must be 1 to 100000000, and is {KnownTermsMax}.";
        if (VelocityBidsMax is < 0 or > 100)
            yield return $"{Section}:{nameof(VelocityBidsMax)} must be 0 (no limit) to 100, and is {VelocityBidsMax}.";
        if (VelocityWindow < TimeSpan.FromSeconds(1) || VelocityWindow > TimeSpan.FromHours(1))
            yield return $"{Section}:{nameof(VelocityWindow)} must be 1 s to 1 hour, and is {VelocityWindow}.";
    }
}

using Auctions.Core;
using Auctions.Hosting;
using Auctions.Ledger;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>The hot state as services use it: its options, its connection, its circuit, its health.</summary>
public static class HotStateRegistration
{
    /// <summary>
    /// The hot state on Redis (<c>Redis:Configuration</c>): <see cref="IConnectionMultiplexer"/>, <see cref="IHotState"/>. The
    /// service starts, and is ready, without Redis too.
    /// </summary>
    public static IServiceCollection AddHotState(this IServiceCollection services, IConfiguration configuration) => services
        .AddSection<RedisOptions>(configuration)
        .AddSection<HotStateOptions>(configuration)
        // Blocks once, at start, and no longer than the first attempt to connect.
        .AddSingleton(s => RedisConnection.ConnectAsync(s.GetRequiredService<IOptions<RedisOptions>>().Value.Configuration).GetAwaiter().GetResult())
        .AddSingleton(s => new HotStateCircuit(
            new RedisHotState(s.GetRequiredService<IConnectionMultiplexer>(),
                s.GetRequiredService<IOptions<HotStateOptions>>().Value, s.GetRequiredService<ILogger<RedisHotState>>()),
            s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<HotStateCircuit>>()))
        .AddSingleton<IHotState>(s => s.GetRequiredService<HotStateCircuit>())
        .AddDependency("redis", required: false, (s, _) => s.GetRequiredService<IConnectionMultiplexer>().GetDatabase().PingAsync())
        .AddWarmUp("redis", DecideNothingAsync);

    /// <summary>Decides a bid on an auction that does not exist: the script is loaded, and does nothing.</summary>
    private static async Task DecideNothingAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var bid = new Bid("warm-up", Guid.CreateVersion7(), BidKind.Proxy, "USD", 0, 1);
        var proposal = new Proposal(Guid.CreateVersion7(), bid, Guid.Empty, Limited: true);
        for (var round = 0; round < 3; round++)
            await services.GetRequiredService<IHotState>().DecideAsync(Guid.CreateVersion7(), [proposal], cancellationToken);
    }

    /// <summary>The ledger, the hot state, and what appends to the one what the other has pending.</summary>
    public static IServiceCollection AddStores(this IServiceCollection services, IConfiguration configuration) =>
        services.AddLedger(configuration).AddHotState(configuration).AddSingleton<Recovery>();
}

/// <summary>Where Redis is.</summary>
public sealed class RedisOptions : ISectionOptions
{
    public static string Section => "Redis";

    /// <summary>As StackExchange.Redis reads it: <c>host:port,option=value</c>.</summary>
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

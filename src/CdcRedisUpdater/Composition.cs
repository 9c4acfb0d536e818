using Auctions.Platform.Feed;
using Auctions.Platform.Hosting;
using Microsoft.Extensions.Options;

namespace CdcRedisUpdater;

/// <summary>What the updater is made of.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">Settings as <c>--Section:Key=value</c>, over the environment and the settings file.</param>
    public static WebApplication Build(string[] args)
    {
        var builder = AuctionsHosting.CreateBuilder("updater", args);
        builder.Services
            .AddPostgres(builder.Configuration)
            .AddHotState(builder.Configuration)
            .AddSection<KafkaOptions>(builder.Configuration)
            .AddSingleton(Feed)
            .AddSingleton<UpdaterMetrics>()
            .AddSingleton<RepairRedis>()
            .AddHostedService<FeedToRedis>()
            .AddHostedService<RestoredRedis>();
        return builder.Build().MapAuctionsDefaults();
    }

    private static FeedConsumerOptions Feed(IServiceProvider services) => new()
    {
        BootstrapServers = services.GetRequiredService<IOptions<KafkaOptions>>().Value.BootstrapServers,
        Topics = [KafkaTopics.Auctions],
        Group = FeedToRedis.Group,
        Start = FeedStart.Beginning, // A new group misses nothing that changes while it forms; the old does no harm.
    };
}

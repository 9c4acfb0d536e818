using Auctions.HotState;
using Auctions.Ledger;
using Auctions.Events;
using Auctions.Grpc;
using Auctions.Hosting;
using Microsoft.Extensions.Options;

namespace CdcRedisUpdater;

/// <summary>What the updater is made of.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">Settings as <c>--Section:Key=value</c>, over the environment and the settings file.</param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("updater", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration)
            .AddPostgres(builder.Configuration)
            .AddHotState(builder.Configuration)
            .AddSection<KafkaOptions>(builder.Configuration)
            .AddSingleton(Feed)
            .AddSingleton<UpdaterMetrics>()
            .AddSingleton<RepairRedis>()
            .AddHostedService<EventsToRedis>()
            .AddHostedService<RedisRestartMonitor>();
        return builder.Build().MapGrpcDefaults();
    }

    private static EventConsumerOptions Feed(IServiceProvider services) => new()
    {
        BootstrapServers = services.GetRequiredService<IOptions<KafkaOptions>>().Value.BootstrapServers,
        Topics = [KafkaTopics.Auctions],
        Group = EventsToRedis.Group,
        Start = EventStart.Beginning, // A new group misses nothing that changes while it forms; the old does no harm.
    };
}

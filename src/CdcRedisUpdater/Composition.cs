using Auctions.Events;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;

namespace CdcRedisUpdater;

/// <summary>The parts of the updater.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">
    /// Settings as <c>--Section:Key=value</c>; they override the environment and the settings file.
    /// </param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("updater", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration)
            .AddPostgres(builder.Configuration)
            .AddHotState(builder.Configuration)
            // From the beginning: a new group then misses no change that comes while it forms. Old changes do no harm.
            .AddEvents(builder.Configuration, [KafkaTopics.Auctions], EventsToRedis.Group, EventStart.Beginning)
            .AddSingleton<UpdaterMetrics>()
            .AddSingleton<RepairRedis>()
            .AddHostedService<EventsToRedis>()
            .AddHostedService<RedisRestartMonitor>();
        return builder.Build().MapGrpcDefaults();
    }
}

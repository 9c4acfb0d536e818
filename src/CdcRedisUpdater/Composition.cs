using Auctions.Events;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;

namespace CdcRedisUpdater;

/// <summary>Builds the updater from its parts.</summary>
internal static class Composition
{
    /// <param name="args">
    /// Settings as <c>--Section:Key=value</c>. They override the environment and the settings file.
    /// </param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("updater", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration)
            .AddPostgres(builder.Configuration)
            .AddHotState(builder.Configuration)
            // A new consumer group starts from the beginning, so that it misses no event that comes while the group
            // forms. Old events do no harm.
            .AddEvents(builder.Configuration, [KafkaTopics.Auctions], EventsToRedis.Group, EventStart.Beginning)
            .AddSingleton<UpdaterMetrics>()
            .AddSingleton<RepairRedis>()
            .AddHostedService<EventsToRedis>()
            .AddHostedService<RedisRestartMonitor>();
        var app = builder.Build();
        app.UseCalls();
        return app.MapGrpcDefaults();
    }
}

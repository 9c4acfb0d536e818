using Auctions.Platform.Feed;
using Auctions.Platform.Hosting;
using Auctions.Platform.HotState;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace CdcRedisUpdater;

/// <summary>What the updater is made of.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">Configuration, such as <c>--Redis:Configuration=127.0.0.1:6379</c>.</param>
    public static async Task<WebApplication> BuildAsync(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.AddAuctionsHosting("cdc-redis-updater");
        var redis = await RedisConnection.ConnectAsync(Required(builder.Configuration, "Redis:Configuration"));
        builder.Services.AddUpdater(builder.Configuration, redis);

        var app = builder.Build();
        app.MapAuctionsDefaults();
        return app;
    }

    private static void AddUpdater(this IServiceCollection services, IConfiguration configuration, IConnectionMultiplexer redis)
    {
        services.AddSingleton(_ => redis); // By a factory: the container disposes of it.
        services.AddSingleton<IHotState>(provider =>
            new RedisHotState(redis, new HotStateOptions(), provider.GetRequiredService<ILogger<RedisHotState>>()));
        services.AddSingleton(new FeedConsumerOptions
        {
            BootstrapServers = Required(configuration, "Kafka:BootstrapServers"),
            Topics = [KafkaTopics.Auctions],
            Group = FeedToRedis.Group,
            Start = FeedStart.Beginning, // A new group misses nothing that changes while it forms; the old does no harm.
        });

        services.AddSingleton<UpdaterMetrics>().AddSingleton<RepairRedis>().AddHostedService<FeedToRedis>();
        services.AddSingleton(new ReadinessCheck("redis", Required: true, cancellation => redis.GetDatabase().PingAsync().WaitAsync(cancellation)));
    }

    private static string Required(IConfiguration configuration, string key) =>
        configuration[key] is { Length: > 0 } value ? value : throw new InvalidOperationException($"{key} must be set.");
}

using Auctions.Platform.Feed;
using Confluent.Kafka;

namespace CdcRedisUpdater;

/// <summary>Reads the auctions' topic as a member of the group <see cref="Group"/>, batch by batch: do, then commit.</summary>
/// <remarks>
/// A gap needs no cure here. What was in it, a bid finds out: its entry is refused, and the auction hydrated. A gap is only
/// counted, since it costs a bidder time.
/// </remarks>
internal sealed partial class FeedToRedis(
    RepairRedis repair, UpdaterMetrics metrics, FeedConsumerOptions options, TimeProvider time, ILoggerFactory logs, ILogger<FeedToRedis> log)
    : BackgroundService
{
    public const string Group = "cdc-redis-updater";

    private static readonly TimeSpan RestartAfter = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using var consumer = new FeedConsumer(options, _ => metrics.Gap(), logs.CreateLogger<FeedConsumer>());
                await consumer.StartAsync(stoppingToken);
                await foreach (var batch in consumer.ReadAsync(stoppingToken))
                {
                    await repair.DoAsync(batch, stoppingToken);
                    consumer.Done(batch);
                }
            }
            catch (KafkaException e)
            {
                Restarts(e);
                await Task.Delay(RestartAfter, time, stoppingToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The feed's client failed, and is started again.")]
    private partial void Restarts(Exception exception);
}

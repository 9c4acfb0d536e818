using Auctions.Events;
using Confluent.Kafka;

namespace CdcRedisUpdater;

/// <summary>Reads the auctions' topic as a member of the group <see cref="Group"/>, batch by batch: do, then commit.</summary>
/// <remarks>
/// A gap needs no cure here. What was in it, a bid finds out: its entry is refused, and the auction hydrated. A gap is only
/// counted, since it costs a bidder time.
/// </remarks>
internal sealed partial class EventsToRedis(
    RepairRedis repair, UpdaterMetrics metrics, EventConsumerOptions options, TimeProvider timeProvider, ILoggerFactory loggerFactory, ILogger<EventsToRedis> logger)
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
                using var consumer = new EventConsumer(options, _ => metrics.Gap(), loggerFactory.CreateLogger<EventConsumer>());
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
                await Task.Delay(RestartAfter, timeProvider, stoppingToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The feed's client failed, and is started again.")]
    private partial void Restarts(Exception exception);
}

using Auctions.Events;
using Auctions.Hosting;
using Confluent.Kafka;

namespace CdcRedisUpdater;

/// <summary>
/// Reads the changes of the auctions' rows, and repairs Redis after each batch of them.
/// <para>Concurrency: one batch at a time. The updater's instances share the partitions, as members of
/// <see cref="Group"/>.</para>
/// <para>Lifecycle: runs while the service runs. After a fatal error of the Kafka client, and after any other fault, a
/// new client replaces it.</para>
/// <para>Invariants: the offsets of a batch are stored only after its repair, so that a change is never passed over. A
/// batch that comes again does no harm. A gap needs no repair: if Redis has such an auction wrong, the ledger reports a
/// conflict for its next bid, and the auction is hydrated. That costs the bidder time, so gaps are counted.</para>
/// <para>Bounds: those of <see cref="EventConsumer"/>. While Redis is away, the batch waits, and the next one too.
/// </para>
/// </summary>
internal sealed class EventsToRedis(
    RepairRedis repair, UpdaterMetrics metrics, EventConsumerOptions options, TimeProvider timeProvider,
    ILogger<EventConsumer> consumerLogger, ILogger<EventsToRedis> logger) : BackgroundLoop(timeProvider, logger)
{
    public const string Group = "cdc-redis-updater";

    private static readonly TimeSpan ConsumerDelay = TimeSpan.FromSeconds(1);

    protected override async Task LoopAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using var consumer = new EventConsumer(options, _ => metrics.Gap(), consumerLogger);
                await consumer.StartAsync(stoppingToken);
                await foreach (var batch in consumer.ReadAsync(stoppingToken))
                {
                    await repair.RepairAsync(batch, stoppingToken);
                    consumer.StoreOffsets(batch);
                }
            }
            catch (KafkaException e)
            {
                Logger.ConsumerFailed(e);
                await Task.Delay(ConsumerDelay, TimeProvider, stoppingToken);
            }
        }
    }
}

using Auctions.Events;
using Confluent.Kafka;

namespace StreamGateway;

/// <summary>
/// Follows the topic of the auctions' rows, all partitions of it, from now on. Nothing is kept of where it was: whenever it
/// takes or may have lost its place, the watched auctions are read again.
/// </summary>
internal sealed partial class EventFollower(
    AuctionFanout fanout, EventConsumerOptions options, TimeProvider timeProvider, ILoggerFactory loggerFactory, ILogger<EventFollower> logger) : BackgroundService
{
    private static readonly TimeSpan RestartAfter = TimeSpan.FromSeconds(1);

    private readonly AsyncSignal _lostPlace = new();
    private volatile bool _following;

    /// <summary>Whether the feed has a place: what is written from now on reaches the viewers.</summary>
    public bool IsFollowing => _following;

    /// <summary>For readiness: throws while the feed has no place yet.</summary>
    public Task CheckAsync(CancellationToken cancellationToken) =>
        IsFollowing ? Task.CompletedTask : throw new InvalidOperationException("The feed has not been reached yet.");

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(FollowAsync(stoppingToken), ResyncAsync(stoppingToken));

    private async Task FollowAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using var consumer = new EventConsumer(options, _ => _lostPlace.Set(), loggerFactory.CreateLogger<EventConsumer>());
                await consumer.StartAsync(stoppingToken);
                _lostPlace.Set(); // Who joined before this moment was read before the feed had its place.
                _following = true;
                await foreach (var batch in consumer.ReadAsync(stoppingToken)) Apply(batch);
            }
            catch (KafkaException e)
            {
                Restarts(e);
                _following = false;
                await Task.Delay(RestartAfter, timeProvider, stoppingToken);
            }
        }
    }

    private async Task ResyncAsync(CancellationToken stoppingToken)
    {
        await using var stopped = stoppingToken.Register(_lostPlace.Set);
        while (true)
        {
            await _lostPlace.WaitAsync();
            stoppingToken.ThrowIfCancellationRequested();
            await fanout.ResyncAsync(stoppingToken);
        }
    }

    private void Apply(IReadOnlyList<EventRecord> batch)
    {
        foreach (var record in batch)
        {
            // The key tells whether anyone watches, before the row is looked at: most rows concern nobody here.
            if (record.Kind != EventRecordKind.Change || record.Change.After.IsEmpty || !fanout.Watches(record.AuctionId)) continue;
            try
            {
                fanout.Apply(PublicAuction.Of(record.Change));
            }
            catch (FormatException e)
            {
                Skipped(record.AuctionId, record.Partition, record.Offset, e);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The feed's client failed, and is started again.")]
    private partial void Restarts(Exception exception);

    [LoggerMessage(LogLevel.Error, "A row of auction {AuctionId} cannot be read, and is skipped: partition {Partition}, offset {Offset}.")]
    private partial void Skipped(Guid auctionId, int partition, long offset, Exception exception);
}

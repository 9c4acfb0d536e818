using Auctions.Events;
using Auctions.Hosting;
using Auctions.Ledger;
using Confluent.Kafka;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>
/// Reads the change events of the auctions' rows from Kafka, every partition, from now on, and applies them to the
/// <see cref="AuctionFanout"/>. It stores no offsets.
/// <para>Concurrency: one task applies events, a second one resyncs. The consumer's polling thread only sets the
/// signal between the two.</para>
/// <para>Lifecycle: both tasks run until the host stops. If the Kafka client fails, a new consumer starts a second
/// later. An event that cannot be applied is skipped.</para>
/// <para>Invariants: after each start of a consumer and each possible gap, all watched auctions are read from
/// Postgres again, so viewers reach the latest version even if events were lost.</para>
/// <para>Bounds: one batch of events at a time. Gaps during a resync cause one more resync, however many they
/// are.</para>
/// </summary>
internal sealed class EventFollower(
    AuctionFanout fanout, EventConsumerOptions options, TimeProvider timeProvider, ILoggerFactory loggerFactory,
    ILogger<EventFollower> logger) : BackgroundLoop(timeProvider, logger)
{
    private static readonly TimeSpan ConsumerDelay = TimeSpan.FromSeconds(1);

    private readonly PutAside _aside = new("change events", timeProvider, logger);
    private readonly AsyncSignal _resync = new();
    private volatile bool _following;

    /// <summary>
    /// Whether the consumer has its positions: every event that is written from now on reaches the viewers.
    /// </summary>
    public bool IsFollowing => _following;

    /// <summary>The health of the dependency <c>kafka</c>: throws until the consumer has its positions.</summary>
    public Task CheckAsync(CancellationToken cancellationToken) => IsFollowing
        ? Task.CompletedTask
        : throw new InvalidOperationException("The consumer of change events has no position in Kafka yet.");

    protected override Task LoopAsync(CancellationToken stoppingToken) => Task.WhenAll(
        KeepRunningAsync("EventFollower.Follow", FollowAsync, stoppingToken),
        KeepRunningAsync("EventFollower.Resync", ResyncAsync, stoppingToken));

    private async Task FollowAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                using var consumer = new EventConsumer(
                    options, _ => _resync.Set(), loggerFactory.CreateLogger<EventConsumer>());
                await consumer.StartAsync(stoppingToken);
                _resync.Set(); // Viewers that joined earlier were read before the consumer had its positions.
                _following = true;
                await foreach (var batch in consumer.ReadAsync(stoppingToken)) Apply(batch);
            }
            catch (KafkaException e)
            {
                Logger.EventConsumerFailed(e);
                await Task.Delay(ConsumerDelay, TimeProvider, stoppingToken);
            }
            finally
            {
                _following = false;
            }
        }
    }

    private async Task ResyncAsync(CancellationToken stoppingToken)
    {
        await using var stopping = stoppingToken.Register(_resync.Set);
        while (true)
        {
            await _resync.WaitAsync();
            stoppingToken.ThrowIfCancellationRequested();
            await fanout.ResyncAsync(stoppingToken);
        }
    }

    private void Apply(IReadOnlyList<EventRecord> batch)
    {
        foreach (var record in batch)
        {
            // Most events are about auctions that nobody watches here: their key is enough to skip them.
            if (record.Kind != EventRecordKind.Change || record.Change.After.IsEmpty) continue;
            if (!fanout.IsWatched(record.AuctionId)) continue;
            try
            {
                fanout.Apply(PublicAuction.Parse(record.Change));
                _aside.Succeeded(record.AuctionId);
            }
            catch (FormatException e)
            {
                Logger.EventSkipped(record.AuctionId, record.Partition, record.Offset, e);
            }
            catch (Exception e)
            {
                _aside.Failed(record.AuctionId, e);
            }
        }
    }
}

/// <summary>
/// Reads a watched auction from Postgres again if it is past its end and was not seen to end. If events stop to
/// arrive, this looks like an auction that does not change; but at its end every auction changes.
/// <para>Concurrency: one check at a time; its reads share the queries of <see cref="LedgerReads"/>.</para>
/// <para>Lifecycle: a check every second until the host stops. After a failed check the next one tries again.</para>
/// <para>Invariants: publishes only what it has read from the ledger, and never before the end plus
/// <see cref="GatewayOptions.OverdueMs"/>.</para>
/// <para>Bounds: one read per second and overdue auction.</para>
/// </summary>
internal sealed class OverdueCheck(
    AuctionFanout fanout, IOptions<GatewayOptions> options, TimeProvider timeProvider, ILogger<OverdueCheck> logger)
    : BackgroundLoop(timeProvider, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly PutAside _aside = new("overdue check", timeProvider, logger);

    protected override async Task LoopAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, TimeProvider);
        while (await timer.WaitForNextTickAsync(stoppingToken)) await CheckAsync(stoppingToken);
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        var latestEnd = TimeProvider.GetUtcNow().AddMilliseconds(-options.Value.OverdueMs);
        var latestEndUs = (latestEnd - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var overdue = fanout.Watched.Where(auction =>
            auction.Latest is { IsOver: false } latest && latest.EndUs < latestEndUs && !_aside.IsAside(auction.Id));
        try
        {
            await Task.WhenAll(overdue.Select(RefreshAsync)).WaitAsync(cancellationToken);
        }
        catch (LedgerUnavailableException e)
        {
            Logger.OverdueCheckFailed(e);
        }
    }

    /// <summary>An auction that cannot be read or shown is put aside: the others do not notice.</summary>
    private async Task RefreshAsync(WatchedAuction auction)
    {
        try
        {
            await fanout.RefreshAsync(auction);
            _aside.Succeeded(auction.Id);
        }
        catch (Exception fault) when (fault is not LedgerUnavailableException)
        {
            _aside.Failed(auction.Id, fault);
        }
    }
}

using System.Collections.Concurrent;
using Auctions.Platform.Feed;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Feed;

/// <summary>Everything that a consumer has seen of the feed.</summary>
internal sealed class FeedTail : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly FeedConsumer _consumer;
    private readonly ConcurrentQueue<FeedRecord> _records = new();
    private readonly ConcurrentQueue<FeedGap> _gaps = new();
    private Task _reading = Task.CompletedTask;

    private FeedTail(FeedConsumerOptions options) =>
        _consumer = new FeedConsumer(options, _gaps.Enqueue, NullLogger<FeedConsumer>.Instance);

    public IReadOnlyList<FeedRecord> Records => [.. _records];

    public IReadOnlyList<FeedGap> Gaps => [.. _gaps];

    /// <summary>The changes and tombstones of an auction, in the order of their partition.</summary>
    public IReadOnlyList<FeedRecord> Of(Guid auction, string topic) =>
        [.. _records.Where(r => r.AuctionId == auction && r.Topic == topic)];

    public static async Task<FeedTail> StartAsync(
        string kafka, FeedStart start = FeedStart.Beginning, string? group = null, params string[] topics)
    {
        var tail = new FeedTail(new FeedConsumerOptions
        {
            BootstrapServers = kafka,
            Topics = topics is [] ? [KafkaTopics.Auctions, KafkaTopics.Ledger, KafkaTopics.Heartbeat] : topics,
            Start = start,
            Group = group,
        });
        await tail._consumer.StartAsync(tail._stop.Token);
        tail._reading = Task.Run(tail.ReadAllAsync);
        return tail;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        _consumer.Dispose();
        _stop.Dispose();
    }

    private async Task ReadAllAsync()
    {
        try
        {
            await foreach (var batch in _consumer.ReadAsync(_stop.Token))
            {
                foreach (var record in batch) _records.Enqueue(record);
                _consumer.Done(batch);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped.
        }
    }
}

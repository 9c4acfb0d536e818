using System.Collections.Concurrent;
using Auctions.Events;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Events;

/// <summary>A consumer, and every record and gap that it has seen.</summary>
internal sealed class EventTail : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly EventConsumer _consumer;
    private readonly ConcurrentQueue<EventRecord> _records = new();
    private readonly ConcurrentQueue<EventGap> _gaps = new();
    private Task _reading = Task.CompletedTask;

    private EventTail(EventConsumerOptions options) =>
        _consumer = new EventConsumer(options, _gaps.Enqueue, NullLogger<EventConsumer>.Instance);

    public IReadOnlyList<EventRecord> Records => [.. _records];

    public IReadOnlyList<EventGap> Gaps => [.. _gaps];

    /// <summary>The changes and tombstones of an auction, in the order of their partition.</summary>
    public IReadOnlyList<EventRecord> Of(Guid auction, string topic) =>
        [.. _records.Where(r => r.AuctionId == auction && r.Topic == topic)];

    public static async Task<EventTail> StartAsync(
        string kafka, EventStart start = EventStart.Beginning, string? group = null, params string[] topics)
    {
        var tail = new EventTail(new EventConsumerOptions
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
                _consumer.StoreOffsets(batch);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped.
        }
    }
}

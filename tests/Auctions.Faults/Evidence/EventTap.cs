using System.Text.Json;
using Auctions.Events;
using Confluent.Kafka;

namespace Auctions.Faults.Evidence;

/// <summary>
/// Reads all that comes to Kafka's topics, from the run's start on: the mock cluster forgets the oldest records soon. A reader of its own, on
/// one thread; what it has taken down is read once it has stopped, but for <see cref="LastVersion"/>.
/// </summary>
internal sealed class EventTap : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50), MetadataWithin = TimeSpan.FromSeconds(10);

    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<TopicPartition, long> _next = [];
    private readonly Dictionary<Guid, List<EventEvent>> _heads = [], _entries = [];
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Guid, long> _last = new();
    private readonly Task _reading;
    private long _order;

    /// <summary>Begins with the oldest record that Kafka has.</summary>
    /// <exception cref="KafkaException">It does not answer.</exception>
    public EventTap(string address)
    {
        _client = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = address,
            GroupId = $"faults-{Guid.NewGuid():N}",
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            FetchWaitMaxMs = 20, // the mock cluster waits it out
            ReconnectBackoffMaxMs = 500,
        }).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build(); // a gap is seen in the offsets
        _client.Assign(Partitions(address));
        _reading = Task.Factory.StartNew(Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Records that were gone before they could be read.</summary>
    public long Missed { get; private set; }

    /// <summary>The version of an auction's last change, or -1.</summary>
    public long LastVersion(Guid auction) => _last.GetValueOrDefault(auction, -1);

    public IReadOnlyList<EventEvent> Heads(Guid auction) => _heads.GetValueOrDefault(auction, []);
    public IReadOnlyList<EventEvent> Entries(Guid auction) => _entries.GetValueOrDefault(auction, []);

    /// <summary>Ends reading.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _reading;
    }

    public void Dispose()
    {
        _client.Dispose();
        _stop.Dispose();
    }

    private static List<TopicPartitionOffset> Partitions(string address)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = address }).Build();
        return [.. ((string[])[KafkaTopics.Auctions, KafkaTopics.Ledger]).SelectMany(topic =>
            admin.GetMetadata(topic, MetadataWithin).Topics.Single().Partitions.Select(p => new TopicPartitionOffset(topic, p.PartitionId, Offset.Beginning)))];
    }

    private void Read()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (_client.Consume(Poll) is { Message.Value.Length: > 0 } record) Take(record);
            }
            catch (ConsumeException e) when (!e.Error.IsFatal)
            {
                // The broker is away: what it has lost is seen in the offsets of what comes next.
            }
        }
    }

    private void Take(ConsumeResult<byte[]?, byte[]?> record)
    {
        var partition = record.TopicPartition;
        if (_next.TryGetValue(partition, out var expected) && record.Offset.Value > expected) Missed += record.Offset.Value - expected;
        _next[partition] = record.Offset.Value + 1;
        using var json = JsonDocument.Parse(record.Message.Value);
        if (!json.RootElement.TryGetProperty("after", out var after) || after.ValueKind != JsonValueKind.Object) return;
        var isHead = record.Topic == KafkaTopics.Auctions;
        var auction = after.GetProperty(isHead ? "id" : "auction_id").GetGuid();
        long? version = after.GetProperty("version") is { ValueKind: JsonValueKind.Number } number ? number.GetInt64() : null;
        var events = isHead ? _heads : _entries;
        if (!events.TryGetValue(auction, out var list)) events.Add(auction, list = []);
        list.Add(new EventEvent(_order++, after.GetProperty(isHead ? "head" : "id").GetGuid(), version));
        if (isHead) _last[auction] = version ?? -1;
    }
}

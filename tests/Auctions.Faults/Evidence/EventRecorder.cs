using System.Collections.Concurrent;
using System.Text.Json;
using Auctions.Events;
using Confluent.Kafka;

namespace Auctions.Faults.Evidence;

/// <summary>
/// Records every change event in Kafka's topics from the start of the run. The mock cluster soon drops the oldest
/// records, so reading them at the end would be too late.
/// <para>Concurrency: one thread of its own reads. <see cref="LastVersion"/> may be called at any time; everything else
/// only after <see cref="StopAsync"/>.</para>
/// <para>Lifecycle: reads from the constructor on until <see cref="StopAsync"/>. It waits for a broker that is away. A
/// fatal error of the client or a record that cannot be parsed ends the thread; <see cref="StopAsync"/> throws
/// it.</para>
/// <para>Invariants: the events of an auction and topic are recorded in Kafka's order. A record that was dropped before
/// it was read counts in <see cref="Missed"/>: a gap in the offsets shows it.</para>
/// <para>Bounds: none; it keeps every event of the run in memory.</para>
/// </summary>
internal sealed class EventRecorder : IDisposable
{
    private static readonly TimeSpan PollTimeout = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MetadataTimeout = TimeSpan.FromSeconds(10);

    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<TopicPartition, long> _nextOffsets = [];
    private readonly Dictionary<Guid, List<ObservedEvent>> _auctionEvents = [], _ledgerEvents = [];
    private readonly ConcurrentDictionary<Guid, long> _lastVersions = new();
    private readonly Task _reading;
    private long _order;

    /// <summary>Starts reading at the oldest record that Kafka has.</summary>
    /// <exception cref="KafkaException">Kafka does not answer.</exception>
    public EventRecorder(string address)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = address,
            GroupId = $"faults-{Guid.NewGuid():N}",
            EnableAutoCommit = false,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            FetchWaitMaxMs = 20, // the mock cluster always waits this long
            ReconnectBackoffMaxMs = 500,
        };
        _client = new ConsumerBuilder<byte[]?, byte[]?>(config)
            .SetErrorHandler((_, _) => { }) // lost records show as gaps in the offsets
            .SetLogHandler((_, _) => { })
            .Build();
        _client.Assign(Partitions(address));
        _reading = Task.Factory.StartNew(
            Read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Records that Kafka dropped before they could be read.</summary>
    public long Missed { get; private set; }

    /// <summary>The version in the last event of an auction's row; -1 if there is none.</summary>
    public long LastVersion(Guid auction) => _lastVersions.GetValueOrDefault(auction, -1);

    public IReadOnlyList<ObservedEvent> AuctionEvents(Guid auction) => _auctionEvents.GetValueOrDefault(auction, []);

    public IReadOnlyList<ObservedEvent> LedgerEvents(Guid auction) => _ledgerEvents.GetValueOrDefault(auction, []);

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
        return [.. ((string[])[KafkaTopics.Auctions, KafkaTopics.Ledger]).SelectMany(PartitionsOf)];

        IEnumerable<TopicPartitionOffset> PartitionsOf(string topic) =>
            admin.GetMetadata(topic, MetadataTimeout).Topics.Single().Partitions
                .Select(p => new TopicPartitionOffset(topic, p.PartitionId, Offset.Beginning));
    }

    private void Read()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (_client.Consume(PollTimeout) is { Message.Value.Length: > 0 } record) Add(record);
            }
            catch (ConsumeException e) when (!e.Error.IsFatal)
            {
                // The broker is away. What it has lost shows in the offsets of the next records.
            }
        }
    }

    private void Add(ConsumeResult<byte[]?, byte[]?> record)
    {
        var (partition, offset) = (record.TopicPartition, record.Offset.Value);
        if (_nextOffsets.TryGetValue(partition, out var expected) && offset > expected) Missed += offset - expected;
        _nextOffsets[partition] = offset + 1;
        using var json = JsonDocument.Parse(record.Message.Value);
        if (!json.RootElement.TryGetProperty("after", out var after) || after.ValueKind != JsonValueKind.Object) return;
        var isRow = record.Topic == KafkaTopics.Auctions;
        var auction = after.GetProperty(isRow ? "id" : "auction_id").GetGuid();
        var id = after.GetProperty(isRow ? "head" : "id").GetGuid();
        long? version =
            after.GetProperty("version") is { ValueKind: JsonValueKind.Number } number ? number.GetInt64() : null;
        var events = isRow ? _auctionEvents : _ledgerEvents;
        if (!events.TryGetValue(auction, out var list)) events.Add(auction, list = []);
        list.Add(new ObservedEvent(_order++, id, version));
        if (isRow) _lastVersions[auction] = version ?? -1;
    }
}

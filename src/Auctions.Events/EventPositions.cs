using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Auctions.Events;

/// <summary>Where a consumer stands in its partitions, and whether what comes next follows what came before.</summary>
internal sealed class EventPositions
{
    private const int PauseMs = 200;
    private static readonly TimeSpan QueryMax = TimeSpan.FromSeconds(2);

    // Not times: the protocol gives these two values meanings of their own.
    private static readonly Timestamp Newest = new(-1, TimestampType.NotAvailable), Oldest = new(-2, TimestampType.NotAvailable);

    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly EventConsumerOptions _options;
    private readonly Action<EventGap> _onGap;
    private readonly ILogger _logger;

    // The offset that comes next, by partition.
    private readonly Dictionary<TopicPartition, long> _next = [];

    internal EventPositions(IConsumer<byte[]?, byte[]?> client, EventConsumerOptions options, Action<EventGap> onGap, ILogger logger)
    {
        _client = client;
        _options = options;
        _onGap = onGap;
        _logger = logger;
    }

    internal void Passed(TopicPartition partition, Offset offset) => _next[partition] = offset + 1;

    /// <summary>Every partition of the topics, with a definite offset. Waits until broker and topics are there.</summary>
    internal List<TopicPartitionOffset> ForAll(CancellationToken cancellationToken)
    {
        using var admin = new DependentAdminClientBuilder(_client.Handle).Build();
        var said = false;
        while (true)
        {
            try
            {
                return StartsOf([.. _options.Topics.SelectMany(topic => Partitions(admin, topic))]);
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                if (!said) EventLog.WaitingForTopics(_logger, string.Join(", ", _options.Topics), e.Error.Reason);
                said = true;
                if (cancellationToken.WaitHandle.WaitOne(PauseMs)) cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>What a group gave out: from the committed offset, or from the start where there is none.</summary>
    internal IEnumerable<TopicPartitionOffset> ForGroup(List<TopicPartition> partitions)
    {
        try
        {
            var committed = _client.Committed(partitions, QueryMax).ToLookup(p => p.Offset == Offset.Unset);
            return [.. committed[false].Select(Remember), .. StartsOf([.. committed[true].Select(p => p.TopicPartition)])];
        }
        catch (KafkaException e) when (!e.Error.IsFatal)
        {
            // Unset offsets end in SkipGap, which has the time to ask again.
            EventLog.ClientError(_logger, e.Error.Code, e.Error.Reason);
            return [.. partitions.Select(p => new TopicPartitionOffset(p, Offset.Unset))];
        }
    }

    /// <summary>What a group took back.</summary>
    internal void Forget(List<TopicPartitionOffset> partitions)
    {
        foreach (var partition in partitions) _next.Remove(partition.TopicPartition);
    }

    /// <summary>Keeps what the caller is done with for the next commit.</summary>
    internal void Store(IReadOnlyList<EventRecord> batch)
    {
        var done = new Dictionary<TopicPartition, long>();
        foreach (var record in batch) done[new TopicPartition(record.Topic, record.Partition)] = record.Offset + 1;
        foreach (var (partition, next) in done)
        {
            try
            {
                _client.StoreOffset(new TopicPartitionOffset(partition, next));
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                // Another member has the partition now, and reads these records again.
                EventLog.ClientError(_logger, e.Error.Code, e.Error.Reason);
            }
        }
    }

    /// <summary>Has a message come again.</summary>
    internal void Rewind(ConsumeResult<byte[]?, byte[]?> message) => Move(message.TopicPartition, message.Offset);

    /// <summary>The broker does not have what comes next: go on with the oldest that it has.</summary>
    internal void SkipGap(TopicPartition partition, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (_next.ContainsKey(partition)) Skip(partition, Kept([partition])[partition]);
                else Move(partition, StartsOf([partition])[0].Offset);
                return;
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                EventLog.ClientError(_logger, e.Error.Code, e.Error.Reason);
                cancellationToken.WaitHandle.WaitOne(PauseMs);
            }
        }
    }

    /// <summary>Looks at every partition once the broker answers again; false while it does not.</summary>
    internal bool TryCheckAfterOutage()
    {
        Dictionary<TopicPartition, WatermarkOffsets> seen;
        try
        {
            seen = Kept(_client.Assignment);
        }
        catch (KafkaException e) when (!e.Error.IsFatal)
        {
            return false;
        }

        foreach (var (partition, marks) in seen)
        {
            if (!_next.TryGetValue(partition, out var next)) continue;
            if (next < marks.Low || next > marks.High) Skip(partition, marks);
            else Report(EventGapReason.BrokerLost, partition, next, next);
        }

        return true;
    }

    private static IEnumerable<TopicPartition> Partitions(IAdminClient admin, string topic)
    {
        var found = admin.GetMetadata(topic, QueryMax).Topics.Single();
        if (found.Error.IsError) throw new KafkaException(found.Error);
        if (found.Partitions.Count == 0) throw new KafkaException(new Error(ErrorCode.UnknownTopicOrPart));
        return found.Partitions.Select(p => new TopicPartition(topic, p.PartitionId));
    }

    private List<TopicPartitionOffset> StartsOf(List<TopicPartition> partitions)
    {
        if (partitions.Count == 0) return [];
        var kept = Kept(partitions);
        return [.. partitions.Select(p => Remember(new TopicPartitionOffset(p, _options.Start == EventStart.End ? kept[p].High : kept[p].Low)))];
    }

    // The oldest offset and the next one of each partition. QueryWatermarkOffsets says the same, but before librdkafka 2.3 it
    // waits for ever while the broker is away.
    private Dictionary<TopicPartition, WatermarkOffsets> Kept(List<TopicPartition> partitions)
    {
        var high = Offsets(Newest);
        return Offsets(Oldest).ToDictionary(low => low.Key, low => new WatermarkOffsets(low.Value, high[low.Key]));

        Dictionary<TopicPartition, Offset> Offsets(Timestamp at) => _client
            .OffsetsForTimes(partitions.Select(p => new TopicPartitionTimestamp(p, at)), QueryMax)
            .ToDictionary(p => p.TopicPartition, p => p.Offset);
    }

    private TopicPartitionOffset Remember(TopicPartitionOffset position)
    {
        _next[position.TopicPartition] = position.Offset;
        return position;
    }

    private void Skip(TopicPartition partition, WatermarkOffsets marks)
    {
        // An error from before the last move may come late: what it complained of is settled.
        var expected = _next[partition];
        var isGap = expected < marks.Low || expected > marks.High;
        if (isGap) Report(EventGapReason.OffsetOutOfRange, partition, expected, marks.Low);
        Move(partition, isGap ? marks.Low : expected);
    }

    // A seek is refused in a partition whose fetching has stopped, as it has after a gap; a new assignment is not.
    private void Move(TopicPartition partition, Offset offset)
    {
        _next[partition] = offset;
        try
        {
            _client.Assign([.. _client.Assignment.Select(p => new TopicPartitionOffset(p, _next.TryGetValue(p, out var next) ? next : Offset.Unset))]);
        }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_State)
        {
            // The group is giving out its partitions anew, and with them the offsets.
            EventLog.ClientError(_logger, e.Error.Code, e.Error.Reason);
        }
    }

    private void Report(EventGapReason reason, TopicPartition partition, long expected, long next)
    {
        EventLog.Gap(_logger, partition.Topic, partition.Partition, expected, next, reason);
        _onGap(new EventGap(reason, partition.Topic, partition.Partition, expected, next));
    }
}

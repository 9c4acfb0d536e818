using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Auctions.Events;

/// <summary>Why messages may be missing.</summary>
public enum EventGapReason
{
    /// <summary>
    /// The broker does not have the next offset: retention deleted it, or the broker lost data. Messages are missing
    /// for certain.
    /// </summary>
    OffsetOutOfRange,

    /// <summary>
    /// The connection to the broker was lost, and is back. The broker has the next offset, but it may not be the
    /// message that followed: a broker that lost its data and started again counts its offsets from 0.
    /// </summary>
    BrokerLost,
}

/// <summary>
/// Messages may be missing in a partition. A gap is reported before any message that follows it, so that a reader that
/// keeps state can read the state from Postgres again.
/// </summary>
/// <param name="Reason">Why messages may be missing.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="ExpectedOffset">The offset that would have come next.</param>
/// <param name="NextOffset">The offset that comes next.</param>
public readonly record struct EventGap(
    EventGapReason Reason, string Topic, int Partition, long ExpectedOffset, long NextOffset);

/// <summary>
/// The next offset of a consumer in each of its partitions, and the check whether the message there follows the last
/// one that was read.
/// <para>Concurrency: no lock. <see cref="StoreOffsets"/> may run on any thread, as it uses only the client. Everything
/// else runs on the consumer's polling thread (the callbacks of the group too, as the client makes them inside its
/// calls), or while that thread does not run.</para>
/// <para>Lifecycle: that of the consumer. <see cref="WaitForStartOffsets"/> and <see cref="SkipGap"/> block until the
/// broker answers or the token is cancelled.</para>
/// <para>Invariants: a partition is assigned at a definite offset, or at none until <see cref="SkipGap"/> finds one. If
/// the broker does not have the next offset, the gap is reported before the position moves.</para>
/// <para>Bounds: one entry per partition; a query of the broker takes two seconds at most.</para>
/// </summary>
internal sealed class EventPositions(
    IConsumer<byte[]?, byte[]?> client, EventConsumerOptions options, Action<EventGap> onGap, ILogger logger)
{
    private const int RetryDelayMs = 200;
    private static readonly TimeSpan QueryTimeout = TimeSpan.FromSeconds(2);

    // Not times: in Kafka's protocol these two values mean the next offset and the oldest one.
    private static readonly Timestamp Latest = new(-1, TimestampType.NotAvailable);
    private static readonly Timestamp Earliest = new(-2, TimestampType.NotAvailable);

    private readonly Dictionary<TopicPartition, long> _next = [];

    /// <summary>A message was read: the one after it comes next.</summary>
    internal void Advance(TopicPartition partition, Offset offset) => _next[partition] = offset + 1;

    /// <summary>Every partition of the topics, with its start. Waits for the broker and for the topics.</summary>
    internal List<TopicPartitionOffset> WaitForStartOffsets(CancellationToken cancellationToken)
    {
        using var admin = new DependentAdminClientBuilder(client.Handle).Build();
        var isLogged = false;
        while (true)
        {
            try
            {
                return StartOffsets([.. options.Topics.SelectMany(topic => PartitionsOf(topic, admin))]);
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                if (!isLogged) logger.WaitingForTopics(string.Join(", ", options.Topics), e.Error.Reason);
                isLogged = true;
                cancellationToken.WaitHandle.WaitOne(RetryDelayMs);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>
    /// The group assigned partitions: each continues at the committed offset, or starts where the options say.
    /// </summary>
    internal IEnumerable<TopicPartitionOffset> OnAssigned(List<TopicPartition> partitions)
    {
        try
        {
            var committed = client.Committed(partitions, QueryTimeout).ToLookup(p => p.Offset == Offset.Unset);
            foreach (var partition in committed[false]) _next[partition.TopicPartition] = partition.Offset;
            return [.. committed[false], .. StartOffsets([.. committed[true].Select(p => p.TopicPartition)])];
        }
        catch (KafkaException e) when (!e.Error.IsFatal)
        {
            // This callback must not wait. Unset offsets end in SkipGap, which may.
            logger.ClientError(e.Error.Code, e.Error.Reason);
            return [.. partitions.Select(p => new TopicPartitionOffset(p, Offset.Unset))];
        }
    }

    /// <summary>The group took partitions back.</summary>
    internal void OnRevoked(List<TopicPartitionOffset> partitions)
    {
        foreach (var partition in partitions) _next.Remove(partition.TopicPartition);
    }

    /// <summary>Stores the offsets after a batch for the next commit.</summary>
    internal void StoreOffsets(IReadOnlyList<EventRecord> batch)
    {
        var next = new Dictionary<TopicPartition, long>();
        foreach (var record in batch) next[new TopicPartition(record.Topic, record.Partition)] = record.Offset + 1;
        foreach (var (partition, offset) in next)
        {
            try
            {
                client.StoreOffset(new TopicPartitionOffset(partition, offset));
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                // Another member has the partition now, and reads these records again.
                logger.ClientError(e.Error.Code, e.Error.Reason);
            }
        }
    }

    /// <summary>Goes back to a message, so that it comes again.</summary>
    internal void Rewind(ConsumeResult<byte[]?, byte[]?> message) => MoveTo(message.TopicPartition, message.Offset);

    /// <summary>The broker does not have the next offset: reports a gap, and goes on with the oldest message.</summary>
    internal void SkipGap(TopicPartition partition, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (!_next.ContainsKey(partition)) MoveTo(partition, StartOffsets([partition])[0].Offset);
                else MoveIntoRange(partition, QueryWatermarks([partition])[partition]);
                return;
            }
            catch (KafkaException e) when (!e.Error.IsFatal)
            {
                logger.ClientError(e.Error.Code, e.Error.Reason);
                cancellationToken.WaitHandle.WaitOne(RetryDelayMs);
            }
        }
    }

    /// <summary>After an outage: checks every partition for a gap; false while the broker does not answer.</summary>
    internal bool TryCheckAfterOutage()
    {
        Dictionary<TopicPartition, WatermarkOffsets> watermarks;
        try
        {
            watermarks = QueryWatermarks(client.Assignment);
        }
        catch (KafkaException e) when (!e.Error.IsFatal)
        {
            return false;
        }

        foreach (var (partition, range) in watermarks)
        {
            if (!_next.TryGetValue(partition, out var next)) continue;
            if (IsOutside(next, range)) MoveIntoRange(partition, range);
            else ReportGap(EventGapReason.BrokerLost, partition, next, next);
        }

        return true;
    }

    private void MoveIntoRange(TopicPartition partition, WatermarkOffsets range)
    {
        var expected = _next[partition];
        if (!IsOutside(expected, range))
        {
            // The error came late: the position has moved since.
            MoveTo(partition, expected);
            return;
        }

        ReportGap(EventGapReason.OffsetOutOfRange, partition, expected, range.Low);
        MoveTo(partition, range.Low);
    }

    /// <summary>
    /// Assigns all partitions again, with this position changed. A seek would not do: the client refuses it in a
    /// partition in which fetching has stopped, as it does after a gap.
    /// </summary>
    private void MoveTo(TopicPartition partition, Offset offset)
    {
        _next[partition] = offset;
        try
        {
            client.Assign([.. client.Assignment.Select(p =>
                new TopicPartitionOffset(p, _next.TryGetValue(p, out var next) ? next : Offset.Unset))]);
        }
        catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_State)
        {
            // The group is rebalancing: it will assign partitions, and with them the offsets.
            logger.ClientError(e.Error.Code, e.Error.Reason);
        }
    }

    private void ReportGap(EventGapReason reason, TopicPartition partition, long expected, long next)
    {
        logger.GapFound(reason, partition.Topic, partition.Partition, expected, next);
        onGap(new EventGap(reason, partition.Topic, partition.Partition, expected, next));
    }

    private List<TopicPartitionOffset> StartOffsets(List<TopicPartition> partitions)
    {
        if (partitions.Count == 0) return [];
        var watermarks = QueryWatermarks(partitions);
        var starts = partitions.ConvertAll(p => new TopicPartitionOffset(
            p, options.Start == EventStart.End ? watermarks[p].High : watermarks[p].Low));
        foreach (var start in starts) _next[start.TopicPartition] = start.Offset;
        return starts;
    }

    /// <summary>
    /// The oldest offset and the next one of each partition. This asks two questions for all partitions;
    /// QueryWatermarkOffsets would ask two for each.
    /// </summary>
    private Dictionary<TopicPartition, WatermarkOffsets> QueryWatermarks(List<TopicPartition> partitions)
    {
        var high = OffsetsAt(Latest);
        return OffsetsAt(Earliest).ToDictionary(low => low.Key, low => new WatermarkOffsets(low.Value, high[low.Key]));

        Dictionary<TopicPartition, Offset> OffsetsAt(Timestamp time) => client
            .OffsetsForTimes(partitions.Select(p => new TopicPartitionTimestamp(p, time)), QueryTimeout)
            .ToDictionary(p => p.TopicPartition, p => p.Offset);
    }

    private static IEnumerable<TopicPartition> PartitionsOf(string topic, IAdminClient admin)
    {
        var found = admin.GetMetadata(topic, QueryTimeout).Topics.Single();
        if (found.Error.IsError) throw new KafkaException(found.Error);
        if (found.Partitions.Count == 0) throw new KafkaException(new Error(ErrorCode.UnknownTopicOrPart));
        return found.Partitions.Select(p => new TopicPartition(topic, p.PartitionId));
    }

    private static bool IsOutside(long offset, WatermarkOffsets range) => offset < range.Low || offset > range.High;
}

namespace Auctions.Events;

/// <summary>What a message of the feed is.</summary>
public enum EventRecordKind
{
    /// <summary>A row changed, or was read by a snapshot.</summary>
    Change,

    /// <summary>The row with that key is gone: follows a delete, and lets the broker compact.</summary>
    Tombstone,

    /// <summary>A sign of life.</summary>
    Heartbeat,
}

/// <summary>A message of the feed.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Topic">One of <see cref="KafkaTopics"/>.</param>
/// <param name="Partition">Order holds within it.</param>
/// <param name="Offset">Position in the partition.</param>
/// <param name="AuctionId">The key; empty in a heartbeat.</param>
/// <param name="Change">With <see cref="EventRecordKind.Change"/>.</param>
public readonly record struct EventRecord(
    EventRecordKind Kind, string Topic, int Partition, long Offset, Guid AuctionId, Change Change)
{
    /// <summary>Reads a message.</summary>
    /// <param name="topic">Where it came from.</param>
    /// <param name="partition">Where in it.</param>
    /// <param name="offset">And where in that.</param>
    /// <param name="key">Null or empty is malformed, except in a heartbeat.</param>
    /// <param name="value">Null or empty is a tombstone.</param>
    /// <exception cref="MalformedEnvelopeException">It is none of the kinds; the exception names the field.</exception>
    public static EventRecord Parse(string topic, int partition, long offset, byte[]? key, byte[]? value)
    {
        if (topic.StartsWith("__debezium-heartbeat", StringComparison.Ordinal))
        {
            return new EventRecord(EventRecordKind.Heartbeat, topic, partition, offset, Guid.Empty, default);
        }

        var id = EventKey.Parse(key);
        // JsonConverter writes a tombstone as no value at all; some converters as the word null.
        return value is null or { Length: 0 } || value.AsSpan().SequenceEqual("null"u8)
            ? new EventRecord(EventRecordKind.Tombstone, topic, partition, offset, id, default)
            : new EventRecord(EventRecordKind.Change, topic, partition, offset, id, Change.Parse(value));
    }
}

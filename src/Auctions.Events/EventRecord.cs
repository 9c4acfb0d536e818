using System.Buffers.Text;
using System.Text.Json;

namespace Auctions.Events;

/// <summary>
/// The topics of the change events. Debezium names them <c>prefix.schema.table</c>; the prefix is the connector's.
/// </summary>
public static class KafkaTopics
{
    /// <summary>Debezium's <c>topic.prefix</c>, and the name of the replication slot and the publication.</summary>
    public const string Prefix = "auctions";

    /// <summary>Changes of an auction's row: its head, its texts. Key: the auction's id.</summary>
    public const string Auctions = "auctions.public.auctions";

    /// <summary>Entries of the ledger, and rejected bids. Key: the auction's id.</summary>
    public const string Ledger = "auctions.public.ledger";

    /// <summary>Heartbeats, every few seconds, with or without traffic.</summary>
    public const string Heartbeat = "__debezium-heartbeat.auctions";

    /// <summary>
    /// Partitions of each topic. Both topics have as many, so that an auction has the same partition number in both
    /// (docs/adr/0004-one-topic-key.md).
    /// </summary>
    public const int PartitionsDefault = 8;
}

/// <summary>What a message is.</summary>
public enum EventRecordKind
{
    /// <summary>A row changed, or a snapshot read it.</summary>
    Change,

    /// <summary>The row with that key is gone. It follows a delete, and lets the broker compact the topic.</summary>
    Tombstone,

    /// <summary>The connector is alive.</summary>
    Heartbeat,
}

/// <summary>A message of one of <see cref="KafkaTopics"/>.</summary>
/// <param name="Kind">What the message is.</param>
/// <param name="Topic">One of <see cref="KafkaTopics"/>.</param>
/// <param name="Partition">Order holds within a partition.</param>
/// <param name="Offset">Position in the partition.</param>
/// <param name="AuctionId">The key; empty in a heartbeat.</param>
/// <param name="Change">Set if the kind is <see cref="EventRecordKind.Change"/>.</param>
public readonly record struct EventRecord(
    EventRecordKind Kind, string Topic, int Partition, long Offset, Guid AuctionId, Change Change)
{
    /// <summary>Reads a message.</summary>
    /// <param name="topic">Its topic.</param>
    /// <param name="partition">Its partition.</param>
    /// <param name="offset">Its position in the partition.</param>
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
        // JsonConverter writes a tombstone without a value; some other converters write the word null.
        return value is null or { Length: 0 } || value.AsSpan().SequenceEqual("null"u8)
            ? new EventRecord(EventRecordKind.Tombstone, topic, partition, offset, id, default)
            : new EventRecord(EventRecordKind.Change, topic, partition, offset, id, Change.Parse(value));
    }
}

/// <summary>The key of a message: the auction's id, as a bare string (docs/adr/0004-one-topic-key.md).</summary>
public static class EventKey
{
    private const int LengthBytes = 36;

    /// <summary>The key of an auction's messages.</summary>
    public static byte[] Of(Guid auctionId)
    {
        var key = new byte[LengthBytes];
        Utf8Formatter.TryFormat(auctionId, key, out _);
        return key;
    }

    /// <summary>
    /// Reads a key. A connector without the transformation that unwraps keys sends <c>"id"</c>, <c>{"id": "..."}</c>,
    /// <c>{"auction_id": "..."}</c>, and with schemas the same under <c>payload</c>. This reads all of them.
    /// </summary>
    /// <exception cref="MalformedEnvelopeException">The key holds no auction's id.</exception>
    public static Guid Parse(ReadOnlySpan<byte> key)
    {
        if (key.Length == LengthBytes && Utf8Parser.TryParse(key, out Guid id, out var read) && read == LengthBytes)
        {
            return id;
        }

        try
        {
            return ParseJson(key);
        }
        catch (JsonException e)
        {
            throw new MalformedEnvelopeException("key", "it is neither a UUID nor JSON.", e);
        }
    }

    private static Guid ParseJson(ReadOnlySpan<byte> key)
    {
        var json = new Utf8JsonReader(key);
        while (json.Read())
        {
            switch (json.TokenType)
            {
                case JsonTokenType.String when json.TryGetGuid(out var id):
                    return id;
                case JsonTokenType.PropertyName when json.ValueTextEquals("schema"u8):
                    json.Skip();
                    break;
                case JsonTokenType.StartObject or JsonTokenType.PropertyName or JsonTokenType.EndObject:
                    break;
                default:
                    throw new MalformedEnvelopeException("key", "it is not the id of an auction.");
            }
        }

        throw new MalformedEnvelopeException("key", "it holds no id.");
    }
}

namespace Auctions.Events;

/// <summary>The topics of the feed. Debezium names them <c>prefix.schema.table</c>; the prefix is the connector's.</summary>
public static class KafkaTopics
{
    /// <summary>Debezium's <c>topic.prefix</c>, and the name of slot and publication.</summary>
    public const string Prefix = "auctions";

    /// <summary>A change of an auction's row: its head, its texts. Key: the auction's id.</summary>
    public const string Auctions = "auctions.public.auctions";

    /// <summary>An entry of the ledger, a refusal too. Key: the auction's id.</summary>
    public const string Ledger = "auctions.public.ledger";

    /// <summary>A sign of life, every few seconds, whether or not there is traffic.</summary>
    public const string Heartbeat = "__debezium-heartbeat.auctions";

    /// <summary>
    /// Partitions of either topic. The same for both, so that an auction has the same partition number in both
    /// (docs/adr/0004-one-topic-key.md).
    /// </summary>
    public const int PartitionsDefault = 8;
}

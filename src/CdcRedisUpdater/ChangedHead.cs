using Auctions.Events;

namespace CdcRedisUpdater;

/// <summary>Where an auction's chain ended when its row changed: all that Redis is held against.</summary>
/// <param name="EntryId">The last entry's id.</param>
/// <param name="OutsideVersion">The last entry that Redis had not proposed.</param>
internal readonly record struct ChangedHead(Guid AuctionId, long Version, Guid EntryId, long OutsideVersion)
{
    /// <summary>Reads a row of the topic <see cref="KafkaTopics.Auctions"/>.</summary>
    /// <exception cref="MalformedEnvelopeException">A column is missing, or is not what it should be; it is named.</exception>
    public static ChangedHead Of(in EventRecord record)
    {
        long? version = null, outside = null;
        Guid? head = null;
        var row = record.Change.ReadAfter();
        while (row.Read())
        {
            if (row.Is("version"u8)) version = row.Int64();
            else if (row.Is("head"u8)) head = row.Uuid();
            else if (row.Is("outside_version"u8)) outside = row.Int64();
        }

        return new ChangedHead(record.AuctionId,
            version ?? throw Missing("version"), head ?? throw Missing("head"), outside ?? throw Missing("outside_version"));
    }

    private static MalformedEnvelopeException Missing(string column) => new($"after.{column}", "it is missing.");
}

namespace Auctions.Events;

/// <summary>Where and when a change happened: the block <c>source</c> of an envelope.</summary>
public readonly record struct ChangeSource
{
    /// <summary>The table, without its schema.</summary>
    public required string Table { get; init; }

    /// <summary>The schema of the table.</summary>
    public string Schema { get; init; }

    /// <summary>The database.</summary>
    public string Database { get; init; }

    /// <summary>Position of the change in the write-ahead log; 0 where the source gave none. Rises within a partition.</summary>
    public long Lsn { get; init; }

    /// <summary>Position of the commit before it, in the write-ahead log; 0 for none. Written, not read.</summary>
    public long LastCommitLsn { get; init; }

    /// <summary>The transaction; null where the source gave none.</summary>
    public long? TransactionId { get; init; }

    /// <summary>When the change was committed, in milliseconds since 1970 UTC.</summary>
    public long TimestampMs { get; init; }

    /// <summary>Whether it comes from a snapshot.</summary>
    public bool IsSnapshot { get; init; }
}

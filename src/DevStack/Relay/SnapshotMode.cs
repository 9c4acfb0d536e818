namespace DevStack.Relay;

/// <summary>When the relay reads the table of auctions as a whole and writes every row with <c>op: r</c>.</summary>
public enum SnapshotMode
{
    /// <summary>When it makes the replication slot: from then on the slot keeps everything.</summary>
    Initial,

    /// <summary>Never.</summary>
    Never,

    /// <summary>As <see cref="Initial"/>, and when Kafka has had none: it is new, or lost all it had. See <see cref="KafkaMark"/>.</summary>
    WhenNeeded,
}

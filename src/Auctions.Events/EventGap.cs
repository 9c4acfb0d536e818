namespace Auctions.Events;

/// <summary>Why messages may be missing.</summary>
public enum EventGapReason
{
    /// <summary>The broker no longer has what comes next: retention took it, or the broker lost data. Certain.</summary>
    OffsetOutOfRange,

    /// <summary>
    /// The connection to the broker was lost, and is back. What comes next is there, but whether it follows what came before
    /// cannot be told: a broker that started again with nothing counts its offsets from 0.
    /// </summary>
    BrokerLost,
}

/// <summary>
/// Messages may be missing in a partition. Reported before any message that follows, so that whoever keeps state can read it
/// from Postgres again.
/// </summary>
/// <param name="Reason">Why.</param>
/// <param name="Topic">Where.</param>
/// <param name="Partition">Where in it.</param>
/// <param name="ExpectedOffset">The offset that would have come next.</param>
/// <param name="NextOffset">The offset that comes next.</param>
public readonly record struct EventGap(EventGapReason Reason, string Topic, int Partition, long ExpectedOffset, long NextOffset);

using Microsoft.Extensions.Logging;

namespace Auctions.HotState;

/// <summary>The log catalogue of the hot state: events 300 to 399.</summary>
internal static partial class HotStateLog
{
    [LoggerMessage(300, LogLevel.Error,
        "The circuit to Redis is open. Until Redis answers, bids are decided on the ledger: {Reason}")]
    public static partial void CircuitOpened(this ILogger logger, string? reason);

    [LoggerMessage(301, LogLevel.Warning, "The circuit to Redis is closed again.")]
    public static partial void CircuitClosed(this ILogger logger);

    [LoggerMessage(302, LogLevel.Error,
        "The ledger refuses what Redis decides, because its clock is ahead: it is treated as away for {Seconds} s")]
    public static partial void RedisIsAhead(this ILogger logger, double seconds);

    [LoggerMessage(310, LogLevel.Warning,
        "Auction {AuctionId}: the pending entry {Version} is damaged and was skipped: {Damage}")]
    public static partial void PendingEntryDamaged(
        this ILogger logger, Guid auctionId, string version, string damage);

    [LoggerMessage(311, LogLevel.Error,
        "Auction {AuctionId}: its data in Redis is damaged and was dropped. The next bid loads it from the ledger: "
        + "{Damage}")]
    public static partial void AuctionDiscarded(this ILogger logger, Guid auctionId, string damage);

    [LoggerMessage(312, LogLevel.Error,
        "The index of shard {Shard} is damaged: {Damage}. What it missed comes back with the next full look.")]
    public static partial void PendingIndexDamaged(this ILogger logger, int shard, string damage);

    [LoggerMessage(313, LogLevel.Warning,
        "Auction {AuctionId}: {Entries} pending entries of an earlier version of the services were taken over.")]
    public static partial void PendingTakenOver(this ILogger logger, Guid auctionId, int entries);
}

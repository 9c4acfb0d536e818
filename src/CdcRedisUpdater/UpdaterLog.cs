namespace CdcRedisUpdater;

/// <summary>Everything that the updater logs: 3000 to 3099.</summary>
internal static partial class UpdaterLog
{
    [LoggerMessage(3000, LogLevel.Warning, "The consumer of the change events failed, and is replaced by a new one.")]
    internal static partial void ConsumerFailed(this ILogger logger, Exception exception);

    [LoggerMessage(3001, LogLevel.Error,
        "A row of auction {AuctionId} cannot be read, and is skipped: partition {Partition}, offset {Offset}.")]
    internal static partial void RowSkipped(
        this ILogger logger, Guid auctionId, int partition, long offset, Exception exception);

    [LoggerMessage(3010, LogLevel.Information,
        "Redis did not have version {Version} of auction {AuctionId}: the auction was dropped from Redis.")]
    internal static partial void AuctionDropped(this ILogger logger, Guid auctionId, long version);

    [LoggerMessage(3011, LogLevel.Warning, "Redis does not answer; repairs wait for it.")]
    internal static partial void RedisAway(this ILogger logger, Exception exception);

    [LoggerMessage(3012, LogLevel.Information, "Redis answers again.")]
    internal static partial void RedisBack(this ILogger logger);

    [LoggerMessage(3020, LogLevel.Information,
        "Redis has restarted or is another server than before: {Auctions} auctions were compared with the ledger.")]
    internal static partial void RedisCompared(this ILogger logger, int auctions);

    [LoggerMessage(3021, LogLevel.Warning,
        "The check whether Redis has restarted failed, and is repeated every second until it succeeds.")]
    internal static partial void RestartCheckFailed(this ILogger logger, Exception exception);
}

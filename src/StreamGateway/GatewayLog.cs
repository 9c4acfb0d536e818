namespace StreamGateway;

/// <summary>What the gateway logs: events 4000 to 4099.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(4000, LogLevel.Warning, "The Kafka client failed. A new one starts in a second.")]
    public static partial void EventConsumerFailed(this ILogger logger, Exception exception);

    [LoggerMessage(4001, LogLevel.Error,
        "A change of auction {AuctionId} cannot be read and is skipped: partition {Partition}, offset {Offset}.")]
    public static partial void EventSkipped(
        this ILogger logger, Guid auctionId, int partition, long offset, Exception exception);

    [LoggerMessage(4002, LogLevel.Warning,
        "{Count} watched auctions could not be read again from Postgres. The next attempt is in a second.")]
    public static partial void ResyncDelayed(this ILogger logger, int count, Exception exception);

    [LoggerMessage(4003, LogLevel.Warning,
        "Auctions that are past their end could not be read from Postgres. The next attempt is in a second.")]
    public static partial void OverdueCheckFailed(this ILogger logger, Exception exception);
}

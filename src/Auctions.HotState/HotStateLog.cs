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

    [LoggerMessage(310, LogLevel.Warning,
        "Auction {AuctionId}: the pending entry {Version} is damaged and was skipped: {Damage}")]
    public static partial void PendingEntryDamaged(
        this ILogger logger, Guid auctionId, string version, string damage);
}

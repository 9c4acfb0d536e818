using Microsoft.Extensions.Logging;

namespace Auctions.Ledger;

/// <summary>What the ledger's classes log. EventIds 200 to 299.</summary>
internal static partial class LedgerLog
{
    [LoggerMessage(200, LogLevel.Warning, "Postgres does not answer yet. The start waits for it: {Reason}")]
    public static partial void LedgerNotReady(this ILogger logger, string reason);

    [LoggerMessage(201, LogLevel.Information, "Migration {Name} applied")]
    public static partial void MigrationApplied(this ILogger logger, string name);

    [LoggerMessage(202, LogLevel.Warning,
        "Migration {Name} was applied by a newer version. This version does not know it")]
    public static partial void MigrationUnknown(this ILogger logger, string name);

    [LoggerMessage(210, LogLevel.Error,
        "Auction {AuctionId}: decided bid {Id} has values that Postgres cannot store. "
        + "It counts as a conflict: {SqlState} {Reason}")]
    public static partial void BidNotStorable(
        this ILogger logger, Guid auctionId, Guid id, string sqlState, string reason);
}

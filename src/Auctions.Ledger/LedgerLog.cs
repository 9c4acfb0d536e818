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

    [LoggerMessage(205, LogLevel.Error,
        "The clock of {Clock} differs from the ledger's by {Seconds} s (negative: it is behind); it may differ by "
        + "{ToleranceSeconds} s. Nothing is decided by it beyond that. Set the clock")]
    public static partial void ClockDiffers(this ILogger logger, string clock, double seconds, double toleranceSeconds);

    [LoggerMessage(206, LogLevel.Information, "The clock of {Clock} agrees with the ledger's again")]
    public static partial void ClockAgrees(this ILogger logger, string clock);

    [LoggerMessage(210, LogLevel.Error,
        "Auction {AuctionId}: decided bid {Id} has values that Postgres cannot store. "
        + "It counts as a conflict: {SqlState} {Reason}")]
    public static partial void BidNotStorable(
        this ILogger logger, Guid auctionId, Guid id, string sqlState, string reason);
}

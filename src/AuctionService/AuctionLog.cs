using Auctions.Core;

namespace AuctionService;

/// <summary>
/// All messages that AuctionService logs. Event ids: 2000 to 2019 closing guard and waves, 2020 to 2039 closing, 2040
/// to 2059 starting, 2060 to 2079 ending and cancelling early.
/// </summary>
internal static partial class AuctionLog
{
    [LoggerMessage(2000, LogLevel.Error, "Starting and closing auctions failed; the guard tries again in a second")]
    public static partial void GuardFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2001, LogLevel.Warning, "No auction can be closed until Postgres answers: {Reason}")]
    public static partial void ClosingSuspended(this ILogger logger, string reason);

    [LoggerMessage(2002, LogLevel.Information, "Auctions are being closed again")]
    public static partial void ClosingResumed(this ILogger logger);

    [LoggerMessage(2010, LogLevel.Warning,
        "The wave of {Instant} could not be scheduled; the guard will start and close its auctions: {Reason}")]
    public static partial void WaveNotScheduled(this ILogger logger, DateTimeOffset instant, string reason);

    [LoggerMessage(2020, LogLevel.Information, "{Count} auctions sealed, the latest {LatenessMs} ms after its end")]
    public static partial void AuctionsSealed(this ILogger logger, int count, long latenessMs);

    [LoggerMessage(2021, LogLevel.Warning, "{Count} auctions are closed without Redis: {Reason}")]
    public static partial void ClosingWithoutRedis(this ILogger logger, int count, string reason);

    [LoggerMessage(2023, LogLevel.Information,
        "Redis may hold sealed auctions in an old state until the next bid corrects it: {Reason}")]
    public static partial void SealedAuctionsNotDropped(this ILogger logger, string reason);

    [LoggerMessage(2024, LogLevel.Warning,
        "Auction {AuctionId} is due, but another transaction has locked its row: it is sealed when the row is free")]
    public static partial void AuctionLocked(this ILogger logger, Guid auctionId);

    [LoggerMessage(2040, LogLevel.Information, "{Count} auctions started")]
    public static partial void AuctionsStarted(this ILogger logger, int count);

    [LoggerMessage(2041, LogLevel.Information,
        "Redis may hold started auctions as scheduled until the next bid corrects it: {Reason}")]
    public static partial void StartedAuctionsNotDropped(this ILogger logger, string reason);

    [LoggerMessage(2030, LogLevel.Information,
        "Auction {AuctionId} is created but not in Redis until its first bid: {Reason}")]
    public static partial void AuctionNotWarm(this ILogger logger, Guid auctionId, string reason);

    [LoggerMessage(2060, LogLevel.Information, "Auction {AuctionId} sealed early ({Cause}) by {Subject}, sold: {Sold}")]
    public static partial void SealedEarly(
        this ILogger logger, Guid auctionId, SealCause cause, string subject, bool sold);

    [LoggerMessage(2061, LogLevel.Warning, "Auction {AuctionId} is sealed early without Redis: {Reason}")]
    public static partial void SealingWithoutRedis(this ILogger logger, Guid auctionId, string reason);
}

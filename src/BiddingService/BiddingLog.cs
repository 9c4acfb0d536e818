using Auctions.Core;

namespace BiddingService;

/// <summary>
/// All messages that BiddingService logs. Event ids: 1000 to 1019 deciding, 1020 to 1039 committing, 1040 to 1059
/// pending entries. <c>docs/runbook.md</c> quotes some of the messages.
/// </summary>
internal static partial class BiddingLog
{
    [LoggerMessage(1000, LogLevel.Warning,
        "Auction {AuctionId}: {Bids} bids are decided on the ledger, because Redis does not answer: {Reason}")]
    public static partial void DecidingWithoutRedis(this ILogger logger, Guid auctionId, int bids, string reason);

    [LoggerMessage(1001, LogLevel.Error,
        "Auction {AuctionId}: Redis holds a decision that the rules do not make: {Decision}")]
    public static partial void ForgedDecisionFound(this ILogger logger, Guid auctionId, DecidedBid decision);

    [LoggerMessage(1002, LogLevel.Error, "Auction {AuctionId}: {Bids} bids could not be decided")]
    public static partial void DecidingFailed(this ILogger logger, Guid auctionId, int bids, Exception exception);

    [LoggerMessage(1020, LogLevel.Error,
        "Auction {AuctionId}: a commit of {Bids} bids failed, and their outcome is not known")]
    public static partial void CommitFailed(this ILogger logger, Guid auctionId, int bids, Exception exception);

    [LoggerMessage(1021, LogLevel.Warning,
        "A commit of {Bids} bids is tried again, because Postgres does not answer: {Reason}")]
    public static partial void CommitRetried(this ILogger logger, int bids, string reason);

    [LoggerMessage(1022, LogLevel.Error,
        "A lane is down: Postgres has not answered for {Milliseconds} ms, and the lane takes no bids until it does")]
    public static partial void LaneDown(this ILogger logger, double milliseconds);

    [LoggerMessage(1023, LogLevel.Warning, "A lane is back: all the bids that it kept have been committed")]
    public static partial void LaneBack(this ILogger logger);

    [LoggerMessage(1024, LogLevel.Warning, "Auction {AuctionId}: its pending entries cannot be read: {Reason}")]
    public static partial void PendingUnreadable(this ILogger logger, Guid auctionId, string reason);

    [LoggerMessage(1025, LogLevel.Error, "A commit of {Bids} bids failed: each of its auctions is committed alone")]
    public static partial void CommitSplit(this ILogger logger, int bids, Exception exception);

    [LoggerMessage(1026, LogLevel.Error, "Auction {AuctionId}: a defect: the answer to a committed bid was not given")]
    public static partial void ReportFailed(this ILogger logger, Guid auctionId, Exception exception);

    [LoggerMessage(1027, LogLevel.Warning,
        "Auction {AuctionId}: its row has been locked for {Milliseconds} ms, and it takes no bids until it is free")]
    public static partial void AuctionBusy(this ILogger logger, Guid auctionId, double milliseconds);

    [LoggerMessage(1028, LogLevel.Warning, "Auction {AuctionId}: its row is free again, and it takes bids")]
    public static partial void AuctionFree(this ILogger logger, Guid auctionId);

    [LoggerMessage(1040, LogLevel.Information, "Entries that are in the ledger stay pending in Redis: {Reason}")]
    public static partial void PendingNotTrimmed(this ILogger logger, string reason);

    [LoggerMessage(1042, LogLevel.Warning,
        "Auction {AuctionId}: entries from version {Version} on are pending since the last look and are appended now")]
    public static partial void AbandonedEntriesFound(this ILogger logger, Guid auctionId, long version);

    [LoggerMessage(1043, LogLevel.Warning, "The sweep is postponed to the next interval: {Reason}")]
    public static partial void SweepPostponed(this ILogger logger, string reason);

    [LoggerMessage(1044, LogLevel.Error, "The sweep failed, and looks again after the next interval")]
    public static partial void SweepFailed(this ILogger logger, Exception exception);

    [LoggerMessage(1045, LogLevel.Information, "A full look found {Auctions} auctions with pending entries in Redis")]
    public static partial void FullLookFinished(this ILogger logger, int auctions);
}

using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.Ledger;

namespace AuctionService;

/// <summary>
/// Ends an auction early at its seller's request: it is sold to the leader, or cancelled. The steps are those of
/// <see cref="Closing.CloseAuctions"/>: Redis stops, its pending entries are appended, the sealing entry follows.
/// </summary>
internal sealed class EndAuction(
    ILedgerLifecycle lifecycle, IHotState hotState, Recovery recovery, TimeProvider timeProvider,
    ILogger<EndAuction> logger)
{
    private const int ReasonMax = 500;

    /// <summary>Ends the auction now. A retry gets the auction as it ended.</summary>
    /// <exception cref="Grpc.Core.RpcException">
    /// NOT_FOUND, PERMISSION_DENIED, or FAILED_PRECONDITION with the rule as its reason.
    /// </exception>
    public async Task<AuctionRow> EndAsync(Guid auctionId, string seller, CancellationToken cancellationToken)
    {
        var row = await ReadOwnAsync(auctionId, seller, cancellationToken);
        if (row.Head.State.IsOver) return row.EndReason == EndReason.EndedBySeller ? row : throw AuctionOver(row);
        if (!HasStarted(row))
        {
            throw RpcErrors.FailedPrecondition("NOT_STARTED",
                $"Auction {auctionId} has not started: it can be cancelled.");
        }

        if (IsInLastHours(row)) throw LastHours(auctionId);

        var result = await SealAsync(row, SealCause.EndedBySeller, "", cancellationToken);
        return result.Outcome switch
        {
            SealOutcome.Sealed => result.Auction!,
            SealOutcome.AlreadyOver when result.Auction!.EndReason == EndReason.EndedBySeller => result.Auction,
            SealOutcome.TooLate => throw LastHours(auctionId),
            _ => throw AuctionOver(result.Auction!),
        };
    }

    /// <summary>Ends the auction without a winner. A retry gets the auction as it was cancelled.</summary>
    /// <exception cref="Grpc.Core.RpcException">
    /// NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT, or FAILED_PRECONDITION if the auction has ended.
    /// </exception>
    public async Task<AuctionRow> CancelAsync(
        Guid auctionId, string seller, string reason, CancellationToken cancellationToken)
    {
        if (reason.Length > ReasonMax || reason.Any(char.IsControl))
        {
            throw RpcErrors.InvalidArgument("reason", reason,
                $"must have at most {ReasonMax} characters, and no control characters");
        }

        var row = await ReadOwnAsync(auctionId, seller, cancellationToken);
        if (row.Head.State.IsOver) return IsCancelled(row) ? row : throw AuctionOver(row);

        // If its end comes first, the auction ends regularly, and can no longer be cancelled.
        var result = await SealAsync(row, SealCause.Cancelled, reason, cancellationToken);
        return IsCancelled(result.Auction!) ? result.Auction! : throw AuctionOver(result.Auction!);
    }

    private async Task<AuctionRow> ReadOwnAsync(Guid auctionId, string seller, CancellationToken cancellationToken)
    {
        var row = await lifecycle.ReadAuctionAsync(auctionId, cancellationToken)
            ?? throw RpcErrors.AuctionNotFound(auctionId);
        return row.Head.Terms.SellerId == seller
            ? row
            : throw RpcErrors.PermissionDenied("NOT_THE_SELLER", "Only its seller can end or cancel an auction.");
    }

    private async Task<SealResult> SealAsync(
        AuctionRow row, SealCause cause, string reason, CancellationToken cancellationToken)
    {
        await StopRedisAsync(row.Id, cancellationToken);
        var result = await lifecycle.SealAsync(new SealRequest(row.Id, cause, reason), cancellationToken);
        if (result.Outcome == SealOutcome.Sealed)
            logger.SealedBySeller(row.Id, cause, sold: result.Auction!.Winner.Length > 0);
        await RefreshRedisAsync(result.Auction!, cancellationToken);
        return result;
    }

    /// <summary>
    /// Redis accepts no more bids, and its pending entries are appended. Without Redis there is nothing to stop.
    /// </summary>
    private async Task StopRedisAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        try
        {
            await hotState.SealAsync(auctionId, force: true, cancellationToken);
            await recovery.AppendPendingAsync(auctionId, cancellationToken);
        }
        catch (HotStateUnavailableException fault)
        {
            logger.SealingWithoutRedis(auctionId, fault.Message);
        }
    }

    /// <summary>
    /// Redis does not have the sealing entry: it drops the auction. If the auction was not sealed, Redis was stopped
    /// for nothing and gets the ledger's state again. If this fails, a conflict of the next bid leads to a hydration.
    /// </summary>
    private async Task RefreshRedisAsync(AuctionRow row, CancellationToken cancellationToken)
    {
        try
        {
            var head = row.Head;
            if (head.State.IsOver)
            {
                await hotState.DropIfBehindAsync(
                    row.Id, head.Version, head.EntryId, row.OutsideVersion, cancellationToken);
            }
            else
            {
                await recovery.HydrateAsync(row.Id, cancellationToken);
            }
        }
        catch (HotStateUnavailableException fault)
        {
            logger.SealingWithoutRedis(row.Id, fault.Message);
        }
    }

    private bool HasStarted(AuctionRow row) =>
        row.Head.State.Status != AuctionStatus.Scheduled
        || timeProvider.GetUtcNow().ToMicroseconds() >= row.Head.Terms.StartUs;

    private static bool IsCancelled(AuctionRow row) => row.Head.State.Status == AuctionStatus.Cancelled;

    /// <summary>
    /// Whether the seller can no longer end it. Checked here before Redis is stopped, and again by the sealing
    /// statement, which decides.
    /// </summary>
    private bool IsInLastHours(AuctionRow row)
    {
        var leftUs = row.Head.State.EndUs - timeProvider.GetUtcNow().ToMicroseconds();
        return row.Head.State.BidCount > 0 && row.ReserveMet
            && leftUs <= (long)LedgerLifecycle.SellerBound.TotalMicroseconds;
    }

    private static Exception LastHours(Guid auctionId)
    {
        var hours = LedgerLifecycle.SellerBound.TotalHours;
        return RpcErrors.FailedPrecondition("LAST_HOURS",
            $"Auction {auctionId} has a bid that would win, and ends within {hours:0} hours: it cannot be ended early "
            + "any more.");
    }

    private static Exception AuctionOver(AuctionRow row) => RpcErrors.FailedPrecondition("AUCTION_OVER",
        $"Auction {row.Id} is over: it is {EnumText.Of(row.Head.State.Status)}.");
}

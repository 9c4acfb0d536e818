using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.Ledger;

namespace AuctionService;

/// <summary>
/// Ends an auction early, at the request of its seller or of a service: it is sold to the leader, or cancelled. The
/// steps are those of <see cref="Closing.CloseAuctions"/>: Redis stops, its pending entries are appended, the sealing
/// entry follows. The sealing statement decides, under the row's lock and by the ledger's clock. The checks before it
/// only keep Redis from being stopped for nothing.
/// </summary>
internal sealed class EndAuction(
    ILedgerLifecycle lifecycle, IHotState hotState, Recovery recovery, ILogger<EndAuction> logger)
{
    private const int ReasonMax = 500;

    /// <summary>Waits for an auction whose row is locked. Each takes some 50 ms to half a second.</summary>
    private const int BusyMax = 4;

    /// <summary>Ends the auction now. A retry gets the auction as it ended.</summary>
    /// <param name="reason">Optional for its seller, required from a service.</param>
    /// <exception cref="Grpc.Core.RpcException">
    /// NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT, or FAILED_PRECONDITION with the rule as its reason.
    /// </exception>
    public async Task<AuctionRow> EndAsync(
        Guid auctionId, Caller caller, string reason, CancellationToken cancellationToken)
    {
        var row = await ReadAsync(auctionId, caller, reason, cancellationToken);
        var isSeller = IsSeller(row, caller);
        if (!row.Head.State.IsOpen) return WasEndedEarly(row) ? row : throw AuctionOver(row);
        if (!HasStarted(row)) throw NotStarted(auctionId);
        if (IsInLastHours(row, caller)) throw LastHours(auctionId);

        var cause = isSeller ? SealCause.EndedBySeller : SealCause.EndedByService;
        var result = await SealAsync(row, cause, caller, reason, cancellationToken);
        return result.Outcome switch
        {
            SealOutcome.NotStarted => throw NotStarted(auctionId),
            SealOutcome.TooLate => throw LastHours(auctionId),
            SealOutcome.Sealed or SealOutcome.AlreadyOver when WasEndedEarly(result.Auction!) => result.Auction!,
            _ => throw AuctionOver(result.Auction!),
        };
    }

    /// <summary>Ends the auction without a winner. A retry gets the auction as it was cancelled.</summary>
    /// <inheritdoc cref="EndAsync"/>
    public async Task<AuctionRow> CancelAsync(
        Guid auctionId, Caller caller, string reason, CancellationToken cancellationToken)
    {
        var row = await ReadAsync(auctionId, caller, reason, cancellationToken);
        if (!row.Head.State.IsOpen) return IsCancelled(row) ? row : throw AuctionOver(row);
        if (IsInLastHours(row, caller)) throw LastHours(auctionId);

        // If its end comes first, or a purchase, the auction ends regularly, and can no longer be cancelled.
        var result = await SealAsync(row, SealCause.Cancelled, caller, reason, cancellationToken);
        if (result.Outcome == SealOutcome.TooLate) throw LastHours(auctionId);
        return IsCancelled(result.Auction!) ? result.Auction! : throw AuctionOver(result.Auction!);
    }

    /// <summary>The auction, if the caller may end it: its seller, or a service that says why.</summary>
    private async Task<AuctionRow> ReadAsync(
        Guid auctionId, Caller caller, string reason, CancellationToken cancellationToken)
    {
        if (reason.Length > ReasonMax || reason.Any(char.IsControl))
        {
            throw RpcErrors.InvalidArgument("reason", reason,
                $"must have at most {ReasonMax} characters, and no control characters");
        }

        var row = await lifecycle.ReadAuctionAsync(auctionId, cancellationToken)
            ?? throw RpcErrors.AuctionNotFound(auctionId);
        if (IsSeller(row, caller)) return row;
        if (!caller.Has(Roles.Service))
        {
            throw RpcErrors.PermissionDenied(
                "NOT_THE_SELLER", "Only its seller or a service can end or cancel an auction.");
        }

        return string.IsNullOrWhiteSpace(reason)
            ? throw RpcErrors.InvalidArgument("reason", reason, "must be set, because the auction is somebody else's")
            : row;
    }

    private async Task<SealResult> SealAsync(
        AuctionRow row, SealCause cause, Caller caller, string reason, CancellationToken cancellationToken)
    {
        await StopRedisAsync(row.Id, cancellationToken);
        var request = new SealRequest(row.Id, cause, reason, caller.Has(Roles.Service));
        var result = await SealWaitingAsync(request, cancellationToken);
        if (result.Outcome == SealOutcome.Sealed)
            logger.SealedEarly(row.Id, cause, caller.Subject, sold: result.Auction!.Winner.Length > 0);
        await RefreshRedisAsync(result.Auction!, cancellationToken);
        return result;
    }

    /// <exception cref="AuctionBusyException">The auction's row stays locked.</exception>
    private async Task<SealResult> SealWaitingAsync(SealRequest request, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < BusyMax; attempt++)
        {
            var result = await lifecycle.SealAsync(request, cancellationToken);
            if (result.Outcome != SealOutcome.Busy) return result;
        }

        // Redis was stopped for nothing. The next bid finds it sealed, which is a conflict in the ledger.
        throw new AuctionBusyException(request.AuctionId);
    }

    /// <summary>
    /// Redis accepts no more bids, and its pending entries are appended. Without Redis there is nothing to stop.
    /// </summary>
    private async Task StopRedisAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        try
        {
            await hotState.SealAsync(auctionId, cancellationToken);
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

    private static bool IsSeller(AuctionRow row, Caller caller) => row.Head.Terms.SellerId == caller.Subject;

    private static bool HasStarted(AuctionRow row) =>
        row.Head.State.Status != AuctionStatus.Scheduled || row.ReadUs >= row.Head.Terms.StartUs;

    private static bool IsCancelled(AuctionRow row) => row.Head.State.Status == AuctionStatus.Cancelled;

    private static bool WasEndedEarly(AuctionRow row) =>
        row.EndReason is EndReason.EndedBySeller or EndReason.EndedByService;

    /// <summary>Whether its seller can neither end nor cancel it any more. It does not bind a service.</summary>
    private static bool IsInLastHours(AuctionRow row, Caller caller) =>
        !caller.Has(Roles.Service)
        && row.Head.State.BidCount > 0 && row.ReserveMet
        && row.Head.State.EndUs - row.ReadUs is > 0 and var leftUs
        && leftUs <= (long)LedgerLifecycle.SellerBound.TotalMicroseconds;

    private static Exception NotStarted(Guid auctionId) => RpcErrors.FailedPrecondition("NOT_STARTED",
        $"Auction {auctionId} has not started: it can be cancelled.");

    private static Exception LastHours(Guid auctionId)
    {
        var hours = LedgerLifecycle.SellerBound.TotalHours;
        return RpcErrors.FailedPrecondition("LAST_HOURS",
            $"Auction {auctionId} has a bid that would win, and ends within {hours:0} hours: its seller can neither "
            + "end nor cancel it any more.");
    }

    private static Exception AuctionOver(AuctionRow row) => RpcErrors.FailedPrecondition("AUCTION_OVER",
        $"Auction {row.Id} is over: it is {EnumText.Of(row.Head.State.Status)}.");
}

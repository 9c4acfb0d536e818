using Auctions.Core;
using Auctions.HotState;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using AuctionService.Closing;

namespace AuctionService;

/// <summary>
/// Ends an auction before its time, for its seller: selling to the leader, or not at all. As at the regular end: Redis stops accepting,
/// what it has decided joins the ledger, and the sealing entry follows.
/// </summary>
internal sealed partial class EndEarly(
    LedgerLifecycle lifecycle, IHotState hotState, Recovery recovery, TimeProvider timeProvider, ILogger<EndEarly> logger)
{
    public const int ReasonMax = 500;

    /// <exception cref="Grpc.Core.RpcException">NOT_FOUND, PERMISSION_DENIED, or FAILED_PRECONDITION with the rule in its reason.</exception>
    public async Task<AuctionRow> EndAsync(Guid auctionId, string seller, CancellationToken cancellationToken)
    {
        var row = await OwnAsync(auctionId, seller, cancellationToken);
        if (row.Head.State.IsOver) return row.EndReason == EndReason.EndedBySeller ? row : throw Over(row);
        if (row.Head.State.Status == AuctionStatus.Scheduled && timeProvider.GetUtcNow().ToMicroseconds() < row.Head.Terms.StartUs)
            throw RpcErrors.FailedPrecondition("NOT_STARTED", $"Auction {auctionId} has not started: it can be cancelled.");
        if (IsTooLate(row)) throw TooLate(auctionId);

        var result = await SealAsync(row, SealCause.EndedBySeller, "", cancellationToken);
        return result.Outcome switch
        {
            SealOutcome.Sealed => result.Auction!,
            SealOutcome.AlreadyOver when result.Auction!.EndReason == EndReason.EndedBySeller => result.Auction,
            SealOutcome.TooLate => throw TooLate(auctionId),
            _ => throw Over(result.Auction!),
        };
    }

    /// <exception cref="Grpc.Core.RpcException">NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT, or FAILED_PRECONDITION where it is over.</exception>
    public async Task<AuctionRow> CancelAsync(Guid auctionId, string seller, string reason, CancellationToken cancellationToken)
    {
        if (reason.Length > ReasonMax || reason.Any(char.IsControl))
            throw RpcErrors.InvalidArgument("reason", reason, $"must have at most {ReasonMax} characters, and no control characters");
        var row = await OwnAsync(auctionId, seller, cancellationToken);
        if (row.Head.State.IsOver) return row.Head.State.Status == AuctionStatus.Cancelled ? row : throw Over(row);

        var result = await SealAsync(row, SealCause.Cancelled, reason, cancellationToken);

        // Its end may have come first: then it ended, and there is nothing left to cancel.
        return result.Auction!.Head.State.Status == AuctionStatus.Cancelled ? result.Auction : throw Over(result.Auction);
    }

    private async Task<AuctionRow> OwnAsync(Guid auctionId, string seller, CancellationToken cancellationToken)
    {
        var row = await lifecycle.ReadAuctionAsync(auctionId, cancellationToken) ?? throw RpcErrors.AuctionNotFound(auctionId);
        return row.Head.Terms.SellerId == seller
            ? row
            : throw RpcErrors.PermissionDenied("NOT_THE_SELLER", "An auction is its seller's alone to end or to cancel.");
    }

    private async Task<SealResult> SealAsync(AuctionRow row, SealCause cause, string reason, CancellationToken cancellationToken)
    {
        await StopAsync(row.Id, cancellationToken);
        var result = await lifecycle.SealAsync(new SealRequest(row.Id, cause, reason), cancellationToken);
        if (result.Outcome == SealOutcome.Sealed) Sealed(row.Id, cause, result.Auction!.Winner.Length > 0);
        await ForgetAsync(result.Auction!, cancellationToken);
        return result;
    }

    /// <summary>Redis accepts nothing from here on, and what it has decided is appended. Without Redis there is nothing to stop.</summary>
    private async Task StopAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        try
        {
            await hotState.SealAsync(auctionId, force: true, cancellationToken);
            await recovery.AppendPendingAsync(auctionId, cancellationToken);
        }
        catch (HotStateUnavailableException e)
        {
            WithoutRedis(auctionId, e.Message);
        }
    }

    /// <summary>
    /// Redis' state is not the ledger's any more, or was stopped for nothing: the next bid brings it back. Where this fails a refusal by
    /// the ledger sees to it later.
    /// </summary>
    private async Task ForgetAsync(AuctionRow row, CancellationToken cancellationToken)
    {
        try
        {
            if (row.Head.State.IsOver) await hotState.DropIfBehindAsync(row.Id, row.Head.Version, row.Head.EntryId, row.OutsideVersion, cancellationToken);
            else await recovery.HydrateAsync(row.Id, cancellationToken);
        }
        catch (HotStateUnavailableException e)
        {
            WithoutRedis(row.Id, e.Message);
        }
    }

    private bool IsTooLate(AuctionRow row) =>
        row.Head.State.BidCount > 0 && row.ReserveMet
        && row.Head.State.EndUs - timeProvider.GetUtcNow().ToMicroseconds() <= (long)LedgerLifecycle.SellerBound.TotalMicroseconds;

    private static Exception TooLate(Guid auctionId) => RpcErrors.FailedPrecondition("LAST_HOURS",
        $"Auction {auctionId} has a bid that would win, and ends within {LedgerLifecycle.SellerBound.TotalHours:0} hours: it cannot be ended early any more.");

    private static Exception Over(AuctionRow row) => RpcErrors.FailedPrecondition("AUCTION_OVER",
        $"Auction {row.Id} is over: it is {EnumText.Of(row.Head.State.Status)}.");

    [LoggerMessage(LogLevel.Information, "Auction {AuctionId} sealed early ({Cause}), sold: {Sold}")]
    private partial void Sealed(Guid auctionId, SealCause cause, bool sold);

    [LoggerMessage(LogLevel.Warning, "Auction {AuctionId} is sealed without Redis: {Reason}")]
    private partial void WithoutRedis(Guid auctionId, string reason);
}

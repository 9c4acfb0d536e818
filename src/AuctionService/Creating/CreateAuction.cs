using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.Ledger;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>
/// Creates an auction, one for each seller and idempotency key, and puts it into Redis, so that its first bid finds it
/// there.
/// </summary>
internal sealed class CreateAuction(
    AuctionCheck check, LedgerLifecycle lifecycle, Recovery recovery, TimeProvider timeProvider,
    ILogger<CreateAuction> logger)
{
    /// <exception cref="Grpc.Core.RpcException">
    /// INVALID_ARGUMENT: the request breaks rules, all of which are named; or the key was used for another request.
    /// </exception>
    public async Task<AuctionRow> CreateAsync(
        V1.CreateAuctionRequest request, string seller, CancellationToken cancellationToken)
    {
        var key = Fields.Uuid(request.IdempotencyKey, "idempotency_key");
        if (request.Auction is null) throw RpcErrors.InvalidArgument("auction", null, "must be set");

        // A retry is answered before the check: it may come too late for the rules, for example after the end.
        if (await lifecycle.FindCreatedAsync(seller, key, cancellationToken) is { } earlier)
        {
            return earlier.CreateDigest == AuctionCheck.Digest(request.Auction)
                ? earlier
                : throw RpcErrors.KeyReused(key);
        }

        var auction = check.Check(request.Auction, seller, key, timeProvider.GetUtcNow().ToMicroseconds());
        var result = await lifecycle.CreateAsync(auction, cancellationToken);
        if (result.Outcome == CreateOutcome.KeyReused) throw RpcErrors.KeyReused(key);
        await WarmAsync(result.Auction, cancellationToken);
        return result.Auction;
    }

    /// <summary>Best effort: without Redis, the first bid hydrates the auction.</summary>
    private async Task WarmAsync(AuctionRow row, CancellationToken cancellationToken)
    {
        try
        {
            await recovery.WarmAsync(row.Id, row.Head, cancellationToken);
        }
        catch (HotStateUnavailableException fault)
        {
            logger.AuctionNotWarm(row.Id, fault.Message);
        }
    }
}

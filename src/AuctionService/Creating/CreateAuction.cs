using Auctions.Core;
using Auctions.Grpc;
using Auctions.Ledger;
using AuctionService.Closing;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>
/// Creates an auction, one for each seller and idempotency key, and schedules the waves of its start and its end.
/// </summary>
internal sealed class CreateAuction(
    AuctionCheck check, LedgerLifecycle lifecycle, WaveSchedule schedule, TimeProvider timeProvider)
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
        await schedule.AddAsync(result.Auction, cancellationToken);
        return result.Auction;
    }
}

using Auctions.Grpc;
using Auctions.Ledger;
using Auctions.V1;
using Grpc.Core;
using Microsoft.Extensions.Options;
using static Auctions.V1.BiddingService;

namespace BiddingService;

/// <summary>
/// The entry of every bid: checks the request (<see cref="BidRequest"/>), passes it to <see cref="PlaceBid"/>, and maps
/// the answer, or the exception, to the contract. The bidder is the token's subject, never a field of the request.
/// </summary>
[RequiresRole(Roles.Bidder)]
internal sealed class BiddingRpc(
    PlaceBid placeBid, CallLimits limits, IOptions<BiddingOptions> options, IHostApplicationLifetime lifetime)
    : BiddingServiceBase
{
    public override async Task<PlaceBidResponse> PlaceBid(PlaceBidRequest request, ServerCallContext context) =>
        new() { Result = await PlaceAsync(BidRequest.From(request, Caller.Of(context)), context) };

    public override async Task<BuyNowResponse> BuyNow(BuyNowRequest request, ServerCallContext context) =>
        new() { Result = await PlaceAsync(BidRequest.From(request, Caller.Of(context)), context) };

    public override Task PlaceBids(
        IAsyncStreamReader<PlaceBidsRequest> requests, IServerStreamWriter<PlaceBidsResponse> responses,
        ServerCallContext context)
    {
        var bidder = Caller.Of(context);
        var stream = new BidStream(
            (bid, place) => PlaceAsync(BidRequest.From(bid, bidder), place, context),
            cancellationToken => limits.EnterBidAsync(bidder, cancellationToken),
            options.Value.InFlightPerStreamMax, lifetime.ApplicationStopping);
        return stream.RunAsync(requests, responses, context.CancellationToken);
    }

    public override async Task<GetBidOutcomeResponse> GetBidOutcome(
        GetBidOutcomeRequest request, ServerCallContext context)
    {
        var auctionId = Fields.Uuid(request.AuctionId, "auction_id");
        var key = Fields.Uuid(request.IdempotencyKey, "idempotency_key");
        var answer = await placeBid.FindAsync(auctionId, Caller.Of(context).Subject, key, context.CancellationToken)
            ?? throw RpcErrors.NotFound("BID_NOT_FOUND",
                $"No request with the idempotency_key {key} was decided in auction {auctionId}.");
        return new GetBidOutcomeResponse { Result = Map(answer) };
    }

    private Task<BidResult> PlaceAsync(BidRequest request, ServerCallContext context) =>
        PlaceAsync(request, HeldPlace.Of(context), context);

    private async Task<BidResult> PlaceAsync(BidRequest request, HeldPlace? place, ServerCallContext context)
    {
        try
        {
            return Map(await placeBid.PlaceAsync(request, place, context.CancellationToken));
        }
        catch (AuctionNotFoundException fault)
        {
            throw RpcErrors.AuctionNotFound(fault.AuctionId);
        }
        catch (KeyReusedException fault)
        {
            throw RpcErrors.KeyReused(fault.Key);
        }
        catch (OverloadedException fault)
        {
            throw RpcErrors.ResourceExhausted("OVERLOADED", fault.Message, OverloadedException.RetryAfter);
        }
        catch (LedgerDownException)
        {
            throw RpcErrors.Unavailable("LEDGER_UNAVAILABLE",
                "Postgres does not answer: this call decided nothing.", LedgerDownException.RetryAfter);
        }
        catch (AuctionBusyException fault)
        {
            throw RpcErrors.AuctionBusy(fault);
        }
        catch (OutcomeUnknownException)
        {
            throw RpcErrors.OutcomeUnknown();
        }
    }

    private static BidResult Map(BidAnswer answer) => StateMap.Result(answer.Bid, answer.Terms, answer.Replayed);
}

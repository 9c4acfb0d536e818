using Auctions.Grpc;
using Auctions.V1;
using BiddingService;
using Grpc.Core;
using static Auctions.V1.BiddingService;

namespace Auctions.Peers;

/// <summary>
/// The gRPC front of <c>BiddingRpc</c>, only with <c>PlaceBid</c>: the same checks of the request, the same errors and
/// the same answer, but no velocity limits.
/// </summary>
[RequiresRole(Roles.Bidder)]
internal sealed class PeerRpc(IPeerDesign design) : BiddingServiceBase
{
    public override async Task<PlaceBidResponse> PlaceBid(PlaceBidRequest request, ServerCallContext context)
    {
        var (auctionId, bid, _) = BidRequest.From(request, Caller.Of(context));
        try
        {
            var answer = await design.PlaceAsync(auctionId, bid, context.CancellationToken);
            if (!answer.Bid.Bid.SameContent(bid)) throw RpcErrors.KeyReused(bid.Key);
            return new PlaceBidResponse { Result = StateMap.Result(answer.Bid, answer.Terms, answer.Replayed) };
        }
        catch (AuctionNotFoundException fault)
        {
            throw RpcErrors.AuctionNotFound(fault.AuctionId);
        }
    }
}

using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using Auctions.V1;
using Grpc.Core;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>A service with a method of each kind of access, and one that fails as it is told.</summary>
public sealed class ProbeService : V1.BiddingService.BiddingServiceBase
{
    /// <summary>Needs the role bidder; answers who called.</summary>
    [RequiresRole(Roles.Bidder)]
    public override Task<PlaceBidResponse> PlaceBid(PlaceBidRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context);
        return Task.FromResult(new PlaceBidResponse { Result = new BidResult { BidId = $"{caller.Subject} {caller.Roles} {string.Join('+', caller.Exemptions)}" } });
    }

    /// <summary>An open read.</summary>
    [OpenRead]
    public override Task<GetBidOutcomeResponse> GetBidOutcome(GetBidOutcomeRequest request, ServerCallContext context) =>
        Task.FromResult(new GetBidOutcomeResponse { Result = new BidResult { BidId = Caller.Of(context).Subject } });

    /// <summary>Says nothing of access: anyone with a token. A stream that echoes, and fails where the id says so.</summary>
    public override async Task PlaceBids(
        IAsyncStreamReader<PlaceBidsRequest> requests, IServerStreamWriter<PlaceBidsResponse> responses, ServerCallContext context)
    {
        await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
        {
            throw request.Bid.AuctionId switch
            {
                "ledger" => new LedgerUnavailableException("secret host", new TimeoutException()),
                "rpc" => RpcErrors.ResourceExhausted("OVERLOADED", "Too much.", TimeSpan.FromMilliseconds(200)),
                _ => new InvalidOperationException("secret text"),
            };
        }
    }
}

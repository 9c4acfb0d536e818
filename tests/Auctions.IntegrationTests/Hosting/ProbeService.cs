using System.Collections.Concurrent;
using Auctions.Grpc;
using Auctions.Ledger;
using Auctions.V1;
using Grpc.Core;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>A service with one method for each kind of access. One of them fails as the request says.</summary>
public sealed class ProbeService : V1.BiddingService.BiddingServiceBase
{
    /// <summary>In a request of a stream: it is answered, and the stream stays open.</summary>
    public const string Echo = "echo";

    /// <summary>In a read: it is answered only when its caller has gone.</summary>
    public const string Wait = "wait";

    private static readonly ConcurrentDictionary<string, int> RunsOf = new();

    /// <summary>How many reads of this auction have begun.</summary>
    public static int Runs(string auctionId) => RunsOf.GetValueOrDefault(auctionId);

    /// <summary>Needs the role bidder, and answers who called.</summary>
    [RequiresRole(Roles.Bidder)]
    public override Task<PlaceBidResponse> PlaceBid(PlaceBidRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context);
        var text = $"{caller.Subject} {caller.Roles} {string.Join('+', caller.Exemptions)}";
        return Task.FromResult(new PlaceBidResponse { Result = new BidResult { BidId = text } });
    }

    /// <summary>An open read, which answers the caller's subject.</summary>
    [OpenRead]
    public override async Task<GetBidOutcomeResponse> GetBidOutcome(
        GetBidOutcomeRequest request, ServerCallContext context)
    {
        RunsOf.AddOrUpdate(request.AuctionId, 1, (_, runs) => runs + 1);
        if (request.AuctionId == Wait)
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
        return new GetBidOutcomeResponse { Result = new BidResult { BidId = Caller.Of(context).Subject } };
    }

    /// <summary>Has no access attribute: it needs a token. A stream that fails as the first request says.</summary>
    public override async Task PlaceBids(
        IAsyncStreamReader<PlaceBidsRequest> requests, IServerStreamWriter<PlaceBidsResponse> responses,
        ServerCallContext context)
    {
        await foreach (var request in requests.ReadAllAsync(context.CancellationToken))
        {
            if (request.Bid?.AuctionId == Echo)
            {
                await responses.WriteAsync(new PlaceBidsResponse { AuctionId = Echo });
                continue;
            }

            throw request.Bid?.AuctionId switch
            {
                "ledger" => new LedgerUnavailableException("secret host", new TimeoutException()),
                "rpc" => RpcErrors.ResourceExhausted("OVERLOADED", "Too much.", TimeSpan.FromMilliseconds(200)),
                _ => new InvalidOperationException("secret text"),
            };
        }
    }
}

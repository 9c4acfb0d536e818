using Auctions.Core;
using Auctions.Faults.Evidence;
using Auctions.Grpc;
using Grpc.Core;
using V1 = Auctions.V1;

namespace Auctions.Faults.Load;

/// <summary>Makes calls of bidders and notes what they were told.</summary>
internal sealed class BidCalls(Services services, LoadLog log, RunClock clock)
{
    /// <summary>One call. What it ended with is in the bid's log, and in the run's.</summary>
    public async Task<BidCall> PlaceAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        var began = clock.NowUs;
        try
        {
            var response = await SendAsync(sent, instance, cancellationToken);
            var answer = Read(response);
            return Note(sent, new BidCall(began, clock.NowUs, instance, answer, ""), response);
        }
        catch (RpcException e)
        {
            if (!Calls.MayRepeat(e)) log.Unexpected(sent.AuctionId, $"{sent.Bid} ended with {Calls.Text(e)}: {e.Status.Detail}");
            return Note(sent, new BidCall(began, clock.NowUs, instance, null, Calls.Text(e)), null);
        }
        catch (OperationCanceledException)
        {
            return Note(sent, new BidCall(began, clock.NowUs, instance, null, "given up"), null);
        }
    }

    /// <summary>Asks what became of a key, without sending the bid again.</summary>
    /// <returns>Null where nothing is known of it yet.</returns>
    public async Task<BidCall?> AskAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        var began = clock.NowUs;
        try
        {
            var request = new V1.GetBidOutcomeRequest { AuctionId = sent.AuctionId.ToString(), IdempotencyKey = sent.Bid.Key.ToString() };
            var response = await services.Bidding[instance].GetBidOutcomeAsync(request, Options(sent, cancellationToken));
            return Note(sent, new BidCall(began, clock.NowUs, instance, Read(response.Result), ""), response.Result);
        }
        catch (RpcException e)
        {
            if (!Calls.MayRepeat(e) && e.StatusCode != StatusCode.NotFound) log.Unexpected(sent.AuctionId, $"GetBidOutcome ended with {Calls.Text(e)}: {e.Status.Detail}");
            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Sends other content under a key that has an answer: that must be refused as such, and leave no trace.</summary>
    public async Task ReuseKeyAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        try
        {
            var response = await SendAsync(new SentBid(sent.AuctionId, BidChoice.Otherwise(sent.Bid)), instance, cancellationToken);
            log.Unexpected(sent.AuctionId, $"the key of {sent.Bid} was taken with other content, and answered {response.Outcome} {response.RejectionReason}");
        }
        catch (RpcException e)
        {
            if (!Calls.MayRepeat(e) && Calls.Text(e) != "InvalidArgument IDEMPOTENCY_KEY_REUSED")
                log.Unexpected(sent.AuctionId, $"the key of {sent.Bid}, sent with other content, ended with {Calls.Text(e)}");
        }
        catch (OperationCanceledException)
        {
            // The run is over: that it was sent leaves nothing to know.
        }
    }

    private async Task<V1.BidResult> SendAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        var (bid, client, options) = (sent.Bid, services.Bidding[instance], Options(sent, cancellationToken));
        var (auction, key) = (sent.AuctionId.ToString(), bid.Key.ToString());
        if (bid.Kind == BidKind.BuyNow)
            return (await client.BuyNowAsync(new V1.BuyNowRequest { AuctionId = auction, IdempotencyKey = key }, options)).Result;
        return (await client.PlaceBidAsync(new V1.PlaceBidRequest
        {
            AuctionId = auction,
            IdempotencyKey = key,
            Amount = bid.Amount > 0 ? MoneyMap.FromMinor(bid.Amount, bid.Currency) : null,
            MaxAmount = bid.Max > 0 ? MoneyMap.FromMinor(bid.Max, bid.Currency) : null,
        }, options)).Result;
    }

    private CallOptions Options(SentBid sent, CancellationToken cancellationToken) =>
        services.As(sent.Bid.Bidder, clock.Time.GetUtcNow().UtcDateTime + Calls.Deadline, cancellationToken);

    private BidCall Note(SentBid sent, BidCall call, V1.BidResult? response)
    {
        var first = sent.Answer is null;
        sent.Note(call);
        log.Called(call, first && call.Answer is not null);
        if (response is not null) log.Learn(sent.AuctionId, response.State);
        return call;
    }

    private static BidAnswer Read(V1.BidResult response) => AnswerMap.Of(response);
}

using Auctions.Core;
using Auctions.Faults.Evidence;
using Auctions.Grpc;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>Makes the calls of bidders and notes what they were told.</summary>
internal sealed class BidCalls(ServiceClients services, LoadLog log, RunClock clock)
{
    /// <summary>Sends a bid once. How the call ended is noted in the bid and in the run's log.</summary>
    public async Task<BidCall> PlaceAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        var began = clock.NowUs;
        try
        {
            var response = await SendAsync(sent, instance, cancellationToken);
            var answer = AnswerMap.Of(response);
            return Note(sent, new BidCall(began, clock.NowUs, instance, answer, ""), response);
        }
        catch (RpcException e)
        {
            var error = RetryPolicy.Text(e);
            if (!RetryPolicy.MayRepeat(e))
                log.Unexpected(sent.AuctionId, $"{sent.Bid} ended with {error}: {e.Status.Detail}");
            return Note(sent, new BidCall(began, clock.NowUs, instance, null, error), null);
        }
        catch (OperationCanceledException)
        {
            return Note(sent, new BidCall(began, clock.NowUs, instance, null, "given up"), null);
        }
    }

    /// <summary>Asks for the outcome of a key, without sending the bid again.</summary>
    /// <returns>Null if the outcome is not known yet.</returns>
    public async Task<BidCall?> AskAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        var began = clock.NowUs;
        try
        {
            var (auction, key) = (sent.AuctionId.ToString(), sent.Bid.Key.ToString());
            var request = new V1.GetBidOutcomeRequest { AuctionId = auction, IdempotencyKey = key };
            var client = services.Bidding[instance];
            var response = await client.GetBidOutcomeAsync(request, Options(sent, cancellationToken));
            var answer = AnswerMap.Of(response.Result);
            return Note(sent, new BidCall(began, clock.NowUs, instance, answer, ""), response.Result);
        }
        catch (RpcException e)
        {
            if (!RetryPolicy.MayRepeat(e) && e.StatusCode != StatusCode.NotFound)
            {
                log.Unexpected(
                    sent.AuctionId, $"GetBidOutcome ended with {RetryPolicy.Text(e)}: {e.Status.Detail}");
            }

            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Sends other content with a key that has an answer. That must be an error, and leave no trace.</summary>
    public async Task ReuseKeyAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        try
        {
            var other = new SentBid(sent.AuctionId, BidChoice.WithOtherContent(sent.Bid));
            var response = await SendAsync(other, instance, cancellationToken);
            log.Unexpected(sent.AuctionId, $"the key of {sent.Bid}, sent with other content, was answered with "
                + $"{response.Outcome} {response.RejectionReason}");
        }
        catch (RpcException e)
        {
            var error = RetryPolicy.Text(e);
            if (!RetryPolicy.MayRepeat(e) && error != "InvalidArgument IDEMPOTENCY_KEY_REUSED")
                log.Unexpected(sent.AuctionId, $"the key of {sent.Bid}, sent with other content, ended with {error}");
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private async Task<V1.BidResult> SendAsync(SentBid sent, int instance, CancellationToken cancellationToken)
    {
        var (bid, client, options) = (sent.Bid, services.Bidding[instance], Options(sent, cancellationToken));
        var (auction, key) = (sent.AuctionId.ToString(), bid.Key.ToString());
        if (bid.Kind == BidKind.BuyNow)
        {
            var request = new V1.BuyNowRequest { AuctionId = auction, IdempotencyKey = key };
            return (await client.BuyNowAsync(request, options)).Result;
        }

        return (await client.PlaceBidAsync(new V1.PlaceBidRequest
        {
            AuctionId = auction,
            IdempotencyKey = key,
            Amount = bid.Amount > 0 ? MoneyMap.FromMinor(bid.Amount, bid.Currency) : null,
            MaxAmount = bid.Max > 0 ? MoneyMap.FromMinor(bid.Max, bid.Currency) : null,
        }, options)).Result;
    }

    private CallOptions Options(SentBid sent, CancellationToken cancellationToken) =>
        services.As(sent.Bid.Bidder, RetryPolicy.Deadline(clock), cancellationToken);

    private BidCall Note(SentBid sent, BidCall call, V1.BidResult? response)
    {
        var first = sent.Answer is null;
        sent.Note(call);
        log.Called(call, first && call.Answer is not null);
        if (response is not null) log.Learn(sent.AuctionId, response.State);
        return call;
    }
}

/// <summary>What an error of a call means to a client that follows the contract.</summary>
internal static class RetryPolicy
{
    /// <summary>After this time the outcome of a call is unknown, and the call is made again.</summary>
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(4);

    /// <summary>The deadline of a call that starts now.</summary>
    public static DateTime Deadline(RunClock clock) => clock.TimeProvider.GetUtcNow().UtcDateTime + CallTimeout;

    /// <summary>
    /// Whether to send the same again: the outcome is unknown, or (RESOURCE_EXHAUSTED) nothing was decided. gRPC's
    /// client also reports INTERNAL, UNKNOWN and CANCELLED for a connection that breaks; a service sends them with an
    /// ErrorInfo.
    /// </summary>
    public static bool MayRepeat(RpcException e) => e.StatusCode
        is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted
        || e.StatusCode is StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled
            && e.GetRpcStatus() is null;

    public static string Text(RpcException e) =>
        RpcErrors.Reason(e) is { Length: > 0 } reason ? $"{e.StatusCode} {reason}" : $"{e.StatusCode}";

    /// <summary>Sends a request until it is answered.</summary>
    /// <exception cref="RpcException">An error that repeating the request does not change.</exception>
    public static async Task<T> UntilAnsweredAsync<T>(
        Func<DateTime, AsyncUnaryCall<T>> send, RunClock clock, CancellationToken cancellationToken)
    {
        for (var waitMs = 20; ; waitMs = Math.Min(500, waitMs * 2))
        {
            try
            {
                using var call = send(Deadline(clock));
                return await call.ResponseAsync.WaitAsync(cancellationToken);
            }
            catch (RpcException e) when (MayRepeat(e))
            {
                await clock.DelayAsync(TimeSpan.FromMilliseconds(waitMs), cancellationToken);
            }
        }
    }
}

/// <summary>
/// Maps answers of the contract to those that the checks compare. It leaves out whether an answer was replayed: that is
/// the same answer.
/// </summary>
internal static class AnswerMap
{
    public static BidAnswer Of(V1.BidResult response) => new(
        response.Outcome switch
        {
            V1.BidOutcome.Leading => BidOutcome.Leading,
            V1.BidOutcome.Outbid => BidOutcome.Outbid,
            V1.BidOutcome.Rejected => BidOutcome.Rejected,
            var other => throw new FormatException($"{other} is not an outcome."),
        },
        Enum.GetValues<RejectionReason>().First(reason => StateMap.Reason(reason) == response.RejectionReason),
        response.BidId.Length == 0 ? Guid.Empty : Guid.Parse(response.BidId),
        response.State.Version, State(response.State), response.State.ReserveMet,
        TimeMap.ToUs(response.DecideTime) ?? 0);

    private static AuctionState State(V1.AuctionState state) => new(
        Enum.GetValues<AuctionStatus>().First(status => StateMap.Status(status) == state.Status),
        Minor(state.CurrentPrice), 0, state.LeaderId, TimeMap.ToUs(state.EndTime) ?? 0, state.ExtensionsUsed,
        state.BidCount);

    /// <summary>The amount in minor units; 0 if there is none.</summary>
    public static long Minor(V1.Money? money) => money is null ? 0 : MoneyMap.ToMinor(money, "money").Minor;
}

using System.Threading.Channels;
using Auctions.Grpc;
using Auctions.V1;
using Grpc.Core;

namespace BiddingService;

/// <summary>
/// One call of PlaceBids. Its bids take the same path as single ones, side by side, and are answered in the order in
/// which they are ready; the client matches answers by key.
/// <para>
/// Concurrency: one reader (<see cref="ReadAsync"/>) and one writer (<see cref="RunAsync"/>), because gRPC allows one
/// read and one write at a time. Each bid has a task of its own, which passes its answer to the writer through a
/// channel.
/// </para>
/// <para>
/// Lifecycle: ends when the client has sent its last bid and all bids are answered. When the service stops, the stream
/// takes no more bids, answers those that it has taken, and ends with DRAINING. When a request cannot be read, or the
/// token has expired, it does the same and ends with that error. When the client cancels, the stream ends at once; its
/// bids may still be decided.
/// </para>
/// <para>
/// Invariants: every bid that was taken gets exactly one answer, unless the client cancels. A bid's error is its own
/// answer and does not end the stream.
/// </para>
/// <para>
/// Bounds: at most <see cref="BiddingOptions.InFlightPerStreamMax"/> (256) bids have no answer that is written, and all
/// streams of one bidder together have at most <see cref="LimitOptions.InFlightPerSubject"/>. Beyond that nothing is
/// read, and HTTP/2 flow control slows the client down. So a client that does not read its answers sends no more bids.
/// </para>
/// </summary>
/// <param name="place">Places a bid, which holds its bidder's place until it is through.</param>
/// <param name="enter">
/// Waits for a place among the bidder's bids in flight, which is given back when the answer is written, or the stream
/// has ended, and the bid is through.
/// </param>
internal sealed class BidStream(
    Func<PlaceBidRequest, HeldPlace?, Task<BidResult>> place, Func<CancellationToken, ValueTask<HeldPlace?>> enter,
    int inFlightMax, CancellationToken draining)
{
    private readonly SemaphoreSlim _free = new(inFlightMax);

    private readonly Channel<Answer> _answers = Channel.CreateUnbounded<Answer>(new() { SingleReader = true });

    public async Task RunAsync(
        IAsyncStreamReader<PlaceBidsRequest> requests, IServerStreamWriter<PlaceBidsResponse> responses,
        CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, draining);
        var reading = ReadAsync(requests, ending.Token, cancellationToken);
        try
        {
            await foreach (var answer in _answers.Reader.ReadAllAsync(cancellationToken))
            {
                try
                {
                    await responses.WriteAsync(answer.Response, cancellationToken);
                }
                finally
                {
                    Release(answer);
                }
            }

            await reading;
        }
        finally
        {
            await ending.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            while (_answers.Reader.TryRead(out var unwritten)) Release(unwritten);
        }
    }

    /// <summary>Reads bids until the client is done or the service stops, and closes the answers' channel.</summary>
    private async Task ReadAsync(
        IAsyncStreamReader<PlaceBidsRequest> requests, CancellationToken ending, CancellationToken cancellationToken)
    {
        var open = new List<Task>();
        try
        {
            while (await requests.MoveNext(ending))
            {
                await _free.WaitAsync(ending);
                var placeOfBidder = await enter(ending);
                open.RemoveAll(t => t.IsCompleted);
                open.Add(AnswerAsync(requests.Current.Bid ?? new PlaceBidRequest(), placeOfBidder));
            }
        }
        catch (OperationCanceledException)
            when (draining.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw RpcErrors.Draining("This service is stopping: send the bids that have no answer to another instance, "
                + "with the same idempotency keys.");
        }
        finally
        {
            await Task.WhenAll(open);
            _answers.Writer.Complete();
        }
    }

    private async Task AnswerAsync(PlaceBidRequest bid, HeldPlace? placeOfBidder)
    {
        var answer = new PlaceBidsResponse
        {
            AuctionId = Echo(bid.AuctionId),
            IdempotencyKey = Echo(bid.IdempotencyKey),
        };
        try
        {
            answer.Result = await place(bid, placeOfBidder);
        }
        catch (Exception fault)
        {
            answer.Error = RpcErrors.CallErrorOf(fault);
        }

        _answers.Writer.TryWrite(new Answer(answer, placeOfBidder));
    }

    private void Release(Answer answer)
    {
        _free.Release();
        answer.PlaceOfBidder?.Dispose();
    }

    /// <summary>An id has 36 characters, and what is not one has up to the message's size.</summary>
    private static string Echo(string text) =>
        text.Length <= RpcErrors.MaxEchoedLength ? text
        : text[..(RpcErrors.MaxEchoedLength - (char.IsHighSurrogate(text[RpcErrors.MaxEchoedLength - 1]) ? 1 : 0))];

    /// <summary>An answer that is to be written, and the place that its bid takes until then.</summary>
    private readonly record struct Answer(PlaceBidsResponse Response, HeldPlace? PlaceOfBidder);
}

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
/// takes no more bids, answers those that it has taken, and ends with DRAINING. When the client cancels, the stream
/// ends at once; its bids may still be decided.
/// </para>
/// <para>
/// Invariants: every bid that was taken gets exactly one answer, unless the client cancels. A bid's error is its own
/// answer and does not end the stream.
/// </para>
/// <para>
/// Bounds: at most <see cref="BiddingOptions.InFlightPerStreamMax"/> (256) bids are undecided; then nothing is read,
/// and HTTP/2 flow control slows the client down. Answers that the client does not read wait without a bound of their
/// own.
/// </para>
/// </summary>
internal sealed class BidStream(
    Func<PlaceBidRequest, Task<BidResult>> place, int inFlightMax, CancellationToken draining)
{
    private readonly SemaphoreSlim _free = new(inFlightMax);

    private readonly Channel<PlaceBidsResponse> _answers =
        Channel.CreateUnbounded<PlaceBidsResponse>(new() { SingleReader = true });

    public async Task RunAsync(
        IAsyncStreamReader<PlaceBidsRequest> requests, IServerStreamWriter<PlaceBidsResponse> responses,
        CancellationToken cancellationToken)
    {
        var reading = ReadAsync(requests, cancellationToken);
        await foreach (var answer in _answers.Reader.ReadAllAsync(cancellationToken))
            await responses.WriteAsync(answer, cancellationToken);
        await reading;
    }

    /// <summary>Reads bids until the client is done or the service stops, and closes the answers' channel.</summary>
    private async Task ReadAsync(IAsyncStreamReader<PlaceBidsRequest> requests, CancellationToken cancellationToken)
    {
        var open = new List<Task>();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, draining);
        try
        {
            while (await requests.MoveNext(ending.Token))
            {
                await _free.WaitAsync(ending.Token);
                open.RemoveAll(t => t.IsCompleted);
                open.Add(AnswerAsync(requests.Current.Bid ?? new PlaceBidRequest()));
            }

            await Task.WhenAll(open);
        }
        catch (OperationCanceledException)
            when (draining.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll(open);
            throw RpcErrors.Draining("This service is stopping: send the bids that have no answer to another instance, "
                + "with the same idempotency keys.");
        }
        finally
        {
            _answers.Writer.Complete();
        }
    }

    private async Task AnswerAsync(PlaceBidRequest bid)
    {
        var answer = new PlaceBidsResponse { AuctionId = bid.AuctionId, IdempotencyKey = bid.IdempotencyKey };
        try
        {
            answer.Result = await place(bid);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            answer.Error = RpcErrors.CallErrorOf(fault);
        }
        finally
        {
            _free.Release();
        }

        _answers.Writer.TryWrite(answer);
    }
}

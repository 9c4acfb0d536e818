using System.Threading.Channels;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Grpc.Core;

namespace BiddingService;

/// <summary>
/// One PlaceBids stream: bids are decided side by side, at most so many at once (then no more are read, and HTTP/2 pushes
/// back), and answered as they come, matched by key. A bid's fault is its own answer and does not end the stream.
/// A service that stops reads no more, answers what it has read, and says DRAINING.
/// </summary>
internal sealed class BidStream(Func<PlaceBidRequest, Task<BidResult>> place, int inFlightMax, CancellationToken draining)
{
    private readonly SemaphoreSlim _free = new(inFlightMax);

    private readonly Channel<PlaceBidsResponse> _answers = Channel.CreateUnbounded<PlaceBidsResponse>(new() { SingleReader = true });

    public async Task RunAsync(
        IAsyncStreamReader<PlaceBidsRequest> requests, IServerStreamWriter<PlaceBidsResponse> responses, CancellationToken cancellationToken)
    {
        var reading = ReadAsync(requests, cancellationToken);
        await foreach (var answer in _answers.Reader.ReadAllAsync(cancellationToken)) await responses.WriteAsync(answer, cancellationToken);
        await reading;
    }

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
        catch (OperationCanceledException) when (draining.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll(open);
            throw RpcErrors.Draining("This service is stopping: send what was not answered elsewhere, with the same idempotency keys.");
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
            answer.Error = ErrorOf(fault);
        }
        finally
        {
            _free.Release();
        }

        _answers.Writer.TryWrite(answer);
    }

    private static CallError ErrorOf(Exception fault)
    {
        var status = RpcErrors.From(fault).GetRpcStatus()!;
        return new CallError { Code = status.Code, Message = status.Message, Details = { status.Details } };
    }
}

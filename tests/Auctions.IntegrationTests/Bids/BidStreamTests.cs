using System.Collections.Concurrent;
using System.Threading.Channels;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using BiddingService;
using Grpc.Core;

namespace Auctions.IntegrationTests.Bids;

/// <summary>What becomes of a PlaceBids stream whose service is asked to stop, step by step.</summary>
public sealed class BidStreamTests : IDisposable
{
    private readonly Channel<PlaceBidsRequest> _requests = Channel.CreateUnbounded<PlaceBidsRequest>();
    private readonly Channel<PlaceBidsResponse> _responses = Channel.CreateUnbounded<PlaceBidsResponse>();
    private readonly ConcurrentQueue<string> _begun = [];
    private readonly TaskCompletionSource _committed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _draining = new();

    [Theory]
    [InlineData(3)]
    [InlineData(2)] // the third waits for a place
    public async Task A_service_that_stops_answers_what_it_has_read_and_ends_the_stream(int inFlightMax)
    {
        var stream = RunAsync(inFlightMax);
        foreach (var key in (string[])["a", "b", "c"]) Send(key);
        await Eventually.TrueAsync(() => _begun.Count == inFlightMax);

        Drain();
        Send("late");
        _committed.SetResult();

        var ended = await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream));
        Assert.Equal((StatusCode.Unavailable, "DRAINING"), (ended.StatusCode, RpcErrors.Reason(ended)));
        Assert.Equal(_begun.Order(), await AnsweredAsync());
        Assert.DoesNotContain("late", _begun);
    }

    [Fact]
    public async Task A_stream_whose_client_is_done_ends_well_also_then()
    {
        var stream = RunAsync(inFlightMax: 1);
        Send("a");
        _requests.Writer.Complete();
        await Eventually.TrueAsync(() => !_begun.IsEmpty);
        Drain();
        _committed.SetResult();
        await Eventually.EndsAsync(stream);
        Assert.Equal(["a"], await AnsweredAsync());
    }

    [Fact]
    public async Task Whose_client_has_gone_is_cancelled_and_not_drained()
    {
        using var gone = new CancellationTokenSource();
        var stream = RunAsync(inFlightMax: 1, gone.Token);
        await gone.CancelAsync();
        Drain();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.EndsAsync(stream));
    }

    public void Dispose() => _draining.Dispose();

    /// <summary>Outside of the test's own context, so that a stream that only reads has heard of <see cref="Drain"/> when it returns.</summary>
    private Task RunAsync(int inFlightMax, CancellationToken cancellationToken = default) => Task.Run(
        () => new BidStream(PlaceAsync, inFlightMax, _draining.Token).RunAsync(new Reader(_requests.Reader), new Writer(_responses.Writer), cancellationToken),
        CancellationToken.None);

    private void Drain() => _draining.Cancel();

    private async Task<BidResult> PlaceAsync(PlaceBidRequest bid)
    {
        _begun.Enqueue(bid.IdempotencyKey);
        await _committed.Task;
        return new BidResult();
    }

    private void Send(string key) =>
        Assert.True(_requests.Writer.TryWrite(new PlaceBidsRequest { Bid = new PlaceBidRequest { IdempotencyKey = key } }));

    private async Task<List<string>> AnsweredAsync()
    {
        _responses.Writer.Complete();
        return await _responses.Reader.ReadAllAsync().Select(r => r.IdempotencyKey).Order().ToListAsync();
    }

    private sealed class Reader(ChannelReader<PlaceBidsRequest> requests) : IAsyncStreamReader<PlaceBidsRequest>
    {
        public PlaceBidsRequest Current { get; private set; } = new();

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            var cancelled = new TaskCompletionSource<bool>();
            await using var registration = cancellationToken.Register(() => cancelled.TrySetCanceled(cancellationToken));
            if (!await await Task.WhenAny(requests.WaitToReadAsync(CancellationToken.None).AsTask(), cancelled.Task)) return false;
            Current = await requests.ReadAsync(CancellationToken.None);
            return true;
        }
    }

    private sealed class Writer(ChannelWriter<PlaceBidsResponse> responses) : IServerStreamWriter<PlaceBidsResponse>
    {
        public WriteOptions? WriteOptions { get; set; }

        public async Task WriteAsync(PlaceBidsResponse message) => await responses.WriteAsync(message);
    }
}

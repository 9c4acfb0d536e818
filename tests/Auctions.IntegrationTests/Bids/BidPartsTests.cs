using System.Collections.Concurrent;
using System.Threading.Channels;
using Auctions.Core;
using Auctions.Grpc;
using Auctions.IntegrationTests.Ledger;
using Auctions.Ledger;
using Auctions.V1;
using BiddingService;
using Grpc.Core;
using AuctionState = Auctions.Core.AuctionState;
using AuctionStatus = Auctions.Core.AuctionStatus;

namespace Auctions.IntegrationTests.Bids;

/// <summary>How a PlaceBids stream ends when its service stops.</summary>
public sealed class BidStreamTests : IDisposable
{
    private readonly Channel<PlaceBidsRequest> _requests = Channel.CreateUnbounded<PlaceBidsRequest>();
    private readonly Channel<PlaceBidsResponse> _responses = Channel.CreateUnbounded<PlaceBidsResponse>();
    private readonly ConcurrentQueue<string> _begun = [];
    private readonly TaskCompletionSource _committed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _draining = new();

    [Theory]
    [InlineData(3)]
    [InlineData(2)] // the third bid waits until another one is answered
    public async Task A_service_that_stops_answers_the_bids_that_it_has_read_and_ends_the_stream(int inFlightMax)
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
    public async Task A_stream_whose_client_has_completed_it_ends_without_an_error()
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
    public async Task A_stream_whose_client_is_gone_is_cancelled_and_not_drained()
    {
        using var gone = new CancellationTokenSource();
        var stream = RunAsync(inFlightMax: 1, gone.Token);
        await gone.CancelAsync();
        Drain();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.EndsAsync(stream));
    }

    public void Dispose() => _draining.Dispose();

    /// <summary>
    /// Runs outside the test's synchronization context, so <see cref="Drain"/> returns after a stream that only reads
    /// has noticed it.
    /// </summary>
    private Task RunAsync(int inFlightMax, CancellationToken cancellationToken = default)
    {
        var stream = new BidStream(PlaceAsync, NoLimit, inFlightMax, _draining.Token);
        var (reader, writer) = (new Reader(_requests.Reader), new Writer(_responses.Writer));
        return Task.Run(() => stream.RunAsync(reader, writer, cancellationToken), CancellationToken.None);
    }

    private static ValueTask<IDisposable?> NoLimit(CancellationToken cancellationToken) => default;

    private void Drain() => _draining.Cancel();

    private async Task<BidResult> PlaceAsync(PlaceBidRequest bid)
    {
        _begun.Enqueue(bid.IdempotencyKey);
        await _committed.Task;
        return new BidResult();
    }

    private void Send(string key)
    {
        var bid = new PlaceBidRequest { IdempotencyKey = key };
        Assert.True(_requests.Writer.TryWrite(new PlaceBidsRequest { Bid = bid }));
    }

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
            await using var registration = cancellationToken.Register(
                () => cancelled.TrySetCanceled(cancellationToken));
            var ready = requests.WaitToReadAsync(CancellationToken.None).AsTask();
            if (!await await Task.WhenAny(ready, cancelled.Task)) return false;
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

/// <summary>What the results of an append mean for the bids of a commit.</summary>
public sealed class CommitTests
{
    /// <summary>A rejection has the version of its basis, and that entry may be pending.</summary>
    [Fact]
    public void Only_appended_entries_are_removed_from_the_pending_ones()
    {
        var auction = Guid.NewGuid();
        var opened = AuctionState.Opened(AuctionStatus.Active, endUs: long.MaxValue);
        var head = new Head(7, Guid.NewGuid(), LedgerDatabase.VaseTerms, opened, DecidedUs: 0);
        List<CommitLane.Item> items = [];
        foreach (var max in new[] { 50_00, 60_00, 70_00, 1 })
        {
            var ticket = new BidTicket(auction, LedgerDatabase.Proxy("ann", max), limited: false);
            var decided = DecidedBid.Decide(auction, head, ticket.NextId(), ticket.Bid, head.Terms.StartUs);
            ticket.Decided = decided;
            head = head.After(decided);
            items.Add(new CommitLane.Item(null, ticket, null));
        }

        var commit = new Commit(items) { Results = [.. items.Select(i => Result(i.Ticket!.Decided!))] };

        Assert.Equal([(8, true), (9, true), (10, true), (10, false)], commit.Bids.Select(b => (b.Version, b.Accepted)));
        Assert.Equal([8], Assert.Single(commit.AppendedVersions()));

        static AppendResult Result(DecidedBid bid) => (bid.Version, bid.Accepted) switch
        {
            (8, _) or (_, false) => new(AppendOutcome.Appended, bid),
            (9, _) => new(AppendOutcome.Early, null),
            _ => new(AppendOutcome.Conflict, null),
        };
    }
}

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

    /// <summary>Completed when the client reads its answers.</summary>
    private TaskCompletionSource _unread = Read();

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

    [Fact]
    public async Task A_client_that_reads_no_answers_sends_no_more_bids()
    {
        _committed.SetResult();
        _unread = new TaskCompletionSource();
        var places = new Places();
        var stream = RunAsync(inFlightMax: 3, enter: places.EnterAsync);
        for (var i = 0; i < 100; i++) Send($"{i}");
        await Eventually.TrueAsync(() => _begun.Count == 3 && places.Taken == 3);
        Assert.Equal(96, _requests.Reader.Count); // the reader holds one that waits for its place

        _unread.SetResult();
        _requests.Writer.Complete();
        await Eventually.EndsAsync(stream);
        Assert.Equal(100, (await AnsweredAsync()).Count);
        Assert.Equal(0, places.Taken);
    }

    [Fact]
    public async Task A_client_that_leaves_gives_all_places_back()
    {
        _unread = new TaskCompletionSource();
        _committed.SetResult();
        using var gone = new CancellationTokenSource();
        var places = new Places();
        var stream = RunAsync(inFlightMax: 3, gone.Token, places.EnterAsync);
        for (var i = 0; i < 100; i++) Send($"{i}");
        await Eventually.TrueAsync(() => places.Taken == 3);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.EndsAsync(stream));
        Assert.Equal(0, places.Taken);
    }

    [Fact]
    public async Task A_request_that_cannot_be_read_does_not_swallow_the_answers_before_it()
    {
        var stream = RunAsync(inFlightMax: 3);
        Send("a");
        Send("b");
        await Eventually.TrueAsync(() => _begun.Count == 2);
        _requests.Writer.Complete(RpcErrors.MessageInvalid("bad"));
        Assert.False(stream.IsCompleted);
        _committed.SetResult();
        var ended = await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream));
        Assert.Equal(RpcErrors.MessageInvalidReason, RpcErrors.Reason(ended));
        Assert.Equal(["a", "b"], await AnsweredAsync());
    }

    [Fact]
    public async Task An_answer_repeats_only_the_beginning_of_a_long_key()
    {
        _committed.SetResult();
        var stream = RunAsync(inFlightMax: 3);
        Send(new string('x', 60_000));
        Send(new string('y', 79) + "\ud83d\ude00"); // a character of two halves, at the cut
        _requests.Writer.Complete();
        await Eventually.EndsAsync(stream);
        Assert.Equal([new string('x', 80), new string('y', 79)], await AnsweredAsync());
    }

    public void Dispose() => _draining.Dispose();

    /// <summary>
    /// Runs outside the test's synchronization context, so <see cref="Drain"/> returns after a stream that only reads
    /// has noticed it.
    /// </summary>
    private Task RunAsync(
        int inFlightMax, CancellationToken cancellationToken = default,
        Func<CancellationToken, ValueTask<HeldPlace?>>? enter = null)
    {
        var stream = new BidStream(PlaceAsync, enter ?? NoLimit, inFlightMax, _draining.Token);
        var (reader, writer) = (new Reader(_requests.Reader), new Writer(_responses.Writer, () => _unread.Task));
        return Task.Run(() => stream.RunAsync(reader, writer, cancellationToken), CancellationToken.None);
    }

    private static TaskCompletionSource Read()
    {
        var read = new TaskCompletionSource();
        read.SetResult();
        return read;
    }

    private static ValueTask<HeldPlace?> NoLimit(CancellationToken cancellationToken) => default;

    private void Drain() => _draining.Cancel();

    private async Task<BidResult> PlaceAsync(PlaceBidRequest bid, HeldPlace? place)
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

    private sealed class Writer(ChannelWriter<PlaceBidsResponse> responses, Func<Task> read)
        : IServerStreamWriter<PlaceBidsResponse>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(PlaceBidsResponse message) => WriteAsync(message, CancellationToken.None);

        public async Task WriteAsync(PlaceBidsResponse message, CancellationToken cancellationToken)
        {
            await read().WaitAsync(cancellationToken);
            await responses.WriteAsync(message, CancellationToken.None);
        }
    }

    /// <summary>Counts the bidder's places that are taken.</summary>
    private sealed class Places : IDisposable
    {
        private int _taken;

        public int Taken => Volatile.Read(ref _taken);

        public ValueTask<HeldPlace?> EnterAsync(CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _taken);
            return new ValueTask<HeldPlace?>(new HeldPlace(this));
        }

        public void Dispose() => Interlocked.Decrement(ref _taken);
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
        List<CommitItem> items = [];
        foreach (var max in new[] { 50_00, 60_00, 70_00, 1 })
        {
            var ticket = new BidTicket(
                auction, LedgerDatabase.Proxy("ann", max), limited: false, began: 0, leave: () => { });
            var decided = DecidedBid.Decide(auction, head, ticket.NextId(), ticket.Bid, head.Terms.StartUs);
            ticket.Decided = decided;
            head = head.After(decided);
            items.Add(new CommitItem(null!, ticket));
        }

        var commit = new Commit(items) { Results = [.. items.Select(i => Result(i.Ticket.Decided!))] };

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

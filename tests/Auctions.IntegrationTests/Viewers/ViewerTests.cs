using Auctions.Core;
using Auctions.Grpc;
using Grpc.Core;
using Microsoft.Extensions.Options;
using StreamGateway;
using Frame = Auctions.V1.WatchResponse.FrameOneofCase;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>The frames that one viewer gets, and their order.</summary>
public sealed class ViewerTests : IAsyncLifetime
{
    private readonly InMemoryGateway _gateway = new();

    public Task InitializeAsync() => _gateway.StartAsync();

    public async Task DisposeAsync() => await _gateway.DisposeAsync();

    [Fact]
    public async Task A_viewer_gets_a_snapshot_then_deltas_then_the_end_and_the_stream_ends()
    {
        var began = TimeProvider.System.GetUtcNow();
        var auction = _gateway.Commit(Rows.Auction(3, 1_200));
        var (recorder, stream) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        var fourth = _gateway.Apply(Rows.AfterBid(auction));
        await Eventually.TrueAsync(() => recorder.Frames.Count == 2);
        _gateway.Apply(Rows.Sealed(fourth));
        await Eventually.EndsAsync(stream);

        Assert.Equal([Frame.Snapshot, Frame.Delta, Frame.Ended], recorder.Frames.Select(f => f.FrameCase));
        Assert.Equal([3, 4, 5], recorder.Frames.Select(f => f.Version));
        Assert.All(recorder.Frames, frame => Assert.Equal(auction.Id.ToString(), frame.AuctionId));
        var now = TimeProvider.System.GetUtcNow();
        Assert.All(recorder.Frames, frame =>
            Assert.InRange(frame.ServerTime.ToDateTimeOffset(), began.AddSeconds(-1), now));

        var snapshot = recorder.Frames[0].Snapshot;
        Assert.Equal((12, 13, "bidder-3", 3),
            (snapshot.CurrentPrice.Units, snapshot.MinimumBid.Units, snapshot.LeaderId, snapshot.BidCount));
        var delta = recorder.Frames[1].Delta;
        Assert.Equal((3, 13, 14, "bidder-4", 4),
            (delta.FromVersion, delta.CurrentPrice.Units, delta.MinimumBid.Units, delta.LeaderId, delta.BidCount));
        Assert.Null(delta.EndTime);
        Assert.False(delta.HasExtensionsUsed || delta.HasReserveMet);
        var ended = recorder.Frames[2].Ended;
        Assert.Equal((5, "bidder-4", V1.EndReason.Time, V1.AuctionStatus.Ended),
            (ended.Final.Version, ended.WinnerId, ended.EndReason, ended.Final.Status));
        Assert.Empty(_gateway.Fanout.Watched);
    }

    [Fact]
    public async Task A_viewer_that_resumes_at_the_latest_version_gets_no_snapshot()
    {
        var auction = _gateway.Commit(Rows.Auction(7, 1_500));
        var recorder = new FrameRecorder();
        _ = _gateway.NewViewer(TimeSpan.FromSeconds(1), new SubscriptionTarget(auction.Id, 7))
            .RunAsync(recorder, () => Task.CompletedTask, CancellationToken.None);
        await Eventually.TrueAsync(() => recorder.Frames.Count > 0); // A heartbeat: the first pass is over.
        _gateway.Apply(Rows.AfterBid(auction));

        await Eventually.TrueAsync(() => recorder.Frames.Any(f => f.FrameCase != Frame.Heartbeat));
        var first = recorder.Frames.First(f => f.FrameCase != Frame.Heartbeat);
        Assert.Equal((Frame.Delta, 8, 7), (first.FrameCase, first.Version, first.Delta.FromVersion));
    }

    [Fact]
    public async Task A_viewer_that_resumes_at_an_older_version_gets_a_snapshot()
    {
        var auction = _gateway.Commit(Rows.Auction(7, 1_500));
        var (recorder, _) = _gateway.Watch(auction.Id, 6);
        await Eventually.TrueAsync(() => recorder.Frames.Count > 0);
        Assert.Equal((Frame.Snapshot, 7), (recorder.Last.FrameCase, recorder.Last.Version));
    }

    [Fact]
    public async Task A_viewer_that_is_ahead_of_the_change_events_is_not_shown_an_older_version()
    {
        var auction = _gateway.Commit(Rows.Auction(7, 1_500));
        var (first, _) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => first.Frames.Count == 1);
        var eighth = _gateway.Commit(Rows.AfterBid(auction)); // Its event is late.

        var (recorder, _) = _gateway.Watch(auction.Id, 8);
        await Eventually.TrueAsync(() => first.Frames.Count > 1);
        _gateway.Apply(Rows.AfterBid(eighth));
        await Eventually.TrueAsync(() => recorder.Frames.Count > 0);
        Assert.All(recorder.Frames, frame => Assert.Equal(9, frame.Version));
    }

    [Fact]
    public async Task Resuming_at_a_version_beyond_the_ledger_gives_a_snapshot_of_the_latest_version()
    {
        var auction = _gateway.Commit(Rows.Auction(7, 1_500));
        var (recorder, _) = _gateway.Watch(auction.Id, 1_000);
        await Eventually.TrueAsync(() => recorder.Frames.Count > 0);
        Assert.Equal((Frame.Snapshot, 7), (recorder.Last.FrameCase, recorder.Last.Version));
    }

    [Theory]
    [InlineData(null, new[] { Frame.Snapshot, Frame.Ended })]
    [InlineData(8L, new[] { Frame.Ended })]
    public async Task Watching_an_auction_that_is_over_gives_its_end_and_the_stream_ends(
        long? resumeVersion, Frame[] expected)
    {
        var auction = _gateway.Commit(Rows.Sealed(Rows.Auction(7, 1_500)));
        var (recorder, stream) = _gateway.Watch(auction.Id, resumeVersion);
        await Eventually.EndsAsync(stream);
        Assert.Equal(expected, recorder.Frames.Select(f => f.FrameCase));
    }

    [Fact]
    public async Task A_cancelled_auction_ends_without_a_winner_or_a_reason()
    {
        var auction = Rows.Auction(7, 1_500) with { Status = AuctionStatus.Cancelled };
        _gateway.Commit(auction);
        var (recorder, stream) = _gateway.Watch(auction.Id, 7);
        await Eventually.EndsAsync(stream);
        Assert.Equal((V1.AuctionStatus.Cancelled, "", V1.EndReason.Unspecified),
            (recorder.Last.Ended.Final.Status, recorder.Last.Ended.WinnerId, recorder.Last.Ended.EndReason));
    }

    [Fact]
    public async Task A_purchase_or_the_largest_price_is_a_snapshot_without_a_minimum_bid_of_an_active_auction()
    {
        var auction = _gateway.Commit(Rows.Auction(1, 15_00));
        var (recorder, _) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);

        _gateway.Apply(auction with { Version = 2, Price = Currency.MaxAmount });
        await Eventually.TrueAsync(() => recorder.Frames.Count == 2);
        Assert.Equal((Frame.Snapshot, null), (recorder.Last.FrameCase, recorder.Last.Snapshot.MinimumBid));

        _gateway.Apply(auction with { Version = 3 });
        await Eventually.TrueAsync(() => recorder.Frames.Count == 3);
        _gateway.Apply(auction with { Version = 4, Status = AuctionStatus.Bought, Price = 80_00, Leader = "buyer" });
        await Eventually.TrueAsync(() => recorder.Frames.Count == 4);
        var bought = recorder.Last.Snapshot;
        Assert.Equal((V1.AuctionStatus.Active, "buyer", null), (bought.Status, bought.LeaderId, bought.MinimumBid));
    }

    [Fact]
    public async Task A_start_is_a_delta_and_a_change_that_a_delta_cannot_express_is_a_snapshot()
    {
        var auction = _gateway.Commit(Rows.Auction(0, 0, AuctionStatus.Scheduled));
        var (recorder, _) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        Assert.Null(recorder.Last.Snapshot.CurrentPrice);
        Assert.Equal(10, recorder.Last.Snapshot.MinimumBid.Units);

        _gateway.Apply(auction with { Version = 1, Status = AuctionStatus.Active });
        await Eventually.TrueAsync(() => recorder.Frames.Count == 2);
        Assert.Equal((Frame.Delta, V1.AuctionStatus.Active), (recorder.Last.FrameCase, recorder.Last.Delta.Status));

        _gateway.Apply(auction with
        {
            Version = 2,
            Status = AuctionStatus.Active,
            Price = 15_00,
            Leader = "ann",
            BidCount = 1,
        });
        await Eventually.TrueAsync(() => recorder.Frames.Count == 3);
        Assert.Equal((Frame.Delta, 15L, false),
            (recorder.Last.FrameCase, recorder.Last.Delta.CurrentPrice.Units, recorder.Last.Delta.HasStatus));

        // An operator has retracted the bids: a delta cannot remove the price.
        _gateway.Apply(auction with { Version = 3, Status = AuctionStatus.Active });
        await Eventually.TrueAsync(() => recorder.Frames.Count == 4);
        Assert.Equal((Frame.Snapshot, null), (recorder.Last.FrameCase, recorder.Last.Snapshot.CurrentPrice));
    }

    [Fact]
    public async Task A_slow_viewer_skips_to_a_snapshot_of_the_latest_version()
    {
        var auction = _gateway.Commit(Rows.Auction(1, 1_000));
        var blocked = new FrameRecorder();
        blocked.Block();
        var (slow, stream) = _gateway.Watch(blocked, CancellationToken.None, new SubscriptionTarget(auction.Id, null));
        var (fast, _) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => slow.Frames.Count == 1 && fast.Frames.Count == 1);
        for (var next = 2; next <= 20; next++)
        {
            auction = _gateway.Apply(Rows.AfterBid(auction));
            await Eventually.TrueAsync(() => fast.Last.Version == next);
        }

        slow.Unblock();
        await Eventually.TrueAsync(() => slow.Last.Version == 20);
        Assert.Equal([(Frame.Snapshot, 1), (Frame.Snapshot, 20)], VersionsOf(slow));
        Assert.Equal(20, VersionsOf(fast).Count);
        Assert.False(stream.IsCompleted);
    }

    [Fact]
    public async Task All_viewers_share_the_same_bytes()
    {
        var auction = _gateway.Commit(Rows.Auction(1, 1_000));
        var (first, _) = _gateway.Watch(auction.Id);
        var (second, _) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => first.Frames.Count == 1 && second.Frames.Count == 1);
        _gateway.Apply(Rows.AfterBid(auction));
        await Eventually.TrueAsync(() => first.Last.Version == 2 && second.Last.Version == 2);
        Assert.Same(first.Shared[0], second.Shared[0]);
        Assert.Same(first.Shared[1], second.Shared[1]);
    }

    [Fact]
    public async Task A_heartbeat_counts_the_viewers_of_the_first_target()
    {
        var (first, second) = (_gateway.Commit(Rows.Auction(1, 1_000)), _gateway.Commit(Rows.Auction(1, 1_000)));
        var recorder = new FrameRecorder();
        SubscriptionTarget[] targets = [new(first.Id, 1), new(second.Id, 1)];
        _ = _gateway.NewViewer(TimeSpan.FromSeconds(1), targets)
            .RunAsync(recorder, () => Task.CompletedTask, CancellationToken.None);
        _gateway.Watch(first.Id, 1);
        await Eventually.TrueAsync(() => recorder.Frames.Count >= 2);
        Assert.All(recorder.Frames, frame => Assert.Equal(
            (Frame.Heartbeat, 2, ""), (frame.FrameCase, frame.Heartbeat.ViewerCount, frame.AuctionId)));
    }

    [Fact]
    public async Task An_unknown_auction_is_told_in_its_own_frame_and_the_others_are_shown_to_their_end()
    {
        var (known, unknown) = (_gateway.Commit(Rows.Auction(1, 1_000)), Guid.NewGuid());
        var (recorder, stream) = _gateway.Watch(
            new SubscriptionTarget(unknown, null), new SubscriptionTarget(known.Id, null));
        await Eventually.TrueAsync(() => recorder.Frames.Count == 2);
        Assert.Equal(known.Id, Assert.Single(_gateway.Fanout.Watched).Id);
        _gateway.Apply(Rows.Sealed(known));
        await Eventually.EndsAsync(stream);

        Assert.Equal([Frame.Error, Frame.Snapshot, Frame.Ended], recorder.Frames.Select(f => f.FrameCase));
        var told = recorder.Frames[0];
        Assert.Equal((unknown.ToString(), (int)StatusCode.NotFound), (told.AuctionId, told.Error.Code));
        Assert.Equal("AUCTION_NOT_FOUND", told.Error.Details[0].Unpack<Google.Rpc.ErrorInfo>().Reason);
        Assert.Empty(_gateway.Fanout.Watched);
    }

    [Fact]
    public async Task An_auction_whose_row_cannot_be_read_is_told_in_its_own_frame()
    {
        var (known, unreadable) = (_gateway.Commit(Rows.Auction(1, 1_000)), Guid.NewGuid());
        _gateway.Unreadable[unreadable] = new FormatException("'paused' is not a word for AuctionStatus.");
        var (recorder, _) = _gateway.Watch(
            new SubscriptionTarget(known.Id, null), new SubscriptionTarget(unreadable, null));
        await Eventually.TrueAsync(() => recorder.Frames.Count == 2);
        Assert.Equal((unreadable.ToString(), (int)StatusCode.FailedPrecondition),
            (recorder.Frames[0].AuctionId, recorder.Frames[0].Error.Code));
        Assert.Equal(known.Id.ToString(), recorder.Frames[1].AuctionId);
    }

    [Fact]
    public void A_part_of_the_places_is_kept_for_viewers_with_a_token()
    {
        using var limiter = new StreamLimiter(
            Options.Create(new GatewayOptions { MaxStreams = 10, KeptForTokensPercent = 30 }), CancellationToken.None);
        var anonymous = Enumerable.Range(0, 7).Select(_ => limiter.Acquire(hasToken: false)).ToList();
        var e = Assert.Throws<RpcException>(() => limiter.Acquire(hasToken: false));
        Assert.Equal((StatusCode.ResourceExhausted, "TOO_MANY_STREAMS"), (e.StatusCode, RpcErrors.Reason(e)));

        var known = Enumerable.Range(0, 3).Select(_ => limiter.Acquire(hasToken: true)).ToList();
        Assert.Throws<RpcException>(() => limiter.Acquire(hasToken: true));
        anonymous[0].Dispose();
        limiter.Acquire(hasToken: true).Dispose();
        limiter.Acquire(hasToken: false).Dispose();
        known.ForEach(lease => lease.Dispose());
        Assert.Throws<RpcException>(() =>
            Enumerable.Repeat(0, 2).Select(_ => limiter.Acquire(hasToken: false)).ToList());
    }

    [Fact]
    public async Task An_auction_with_terms_that_cannot_be_read_is_shown_without_its_minimum_bid()
    {
        var auction = _gateway.Commit(Rows.Auction(1, 1_000) with { Increment = null });
        var other = _gateway.Commit(Rows.Auction(1, 1_000) with { Currency = "ZZZ" });
        var (recorder, stream) = _gateway.Watch(
            new SubscriptionTarget(auction.Id, null), new SubscriptionTarget(other.Id, null));
        await Eventually.TrueAsync(() => recorder.Frames.Count == 2);
        var first = recorder.Frames[0].Snapshot;
        Assert.Equal((10L, null), (first.CurrentPrice.Units, first.MinimumBid));
        Assert.Null(recorder.Frames[1].Snapshot.CurrentPrice);

        foreach (var row in (PublicAuction[])[auction, other]) _gateway.Apply(Rows.Sealed(Rows.AfterBid(row)));
        await Eventually.EndsAsync(stream);
        Assert.Equal(2, recorder.Frames.Count(f => f.FrameCase == Frame.Ended));
    }

    [Fact]
    public async Task If_no_auction_can_be_shown_the_call_fails_and_leaves_nothing_watched()
    {
        var unknown = Guid.NewGuid();
        var (recorder, stream) = _gateway.Watch(
            new SubscriptionTarget(unknown, null), new SubscriptionTarget(Guid.NewGuid(), null));
        var error = await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Contains(unknown.ToString(), error.Status.Detail);
        Assert.Empty(recorder.Frames);
        Assert.Empty(_gateway.Fanout.Watched);
    }

    [Fact]
    public async Task Draining_ends_open_streams_and_refuses_new_ones()
    {
        var auction = _gateway.Commit(Rows.Auction(1, 1_000));
        var (recorder, stream) = _gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        _gateway.Drain();
        var error = await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream));
        Assert.Equal((StatusCode.Unavailable, "DRAINING"), (error.StatusCode, RpcErrors.Reason(error)));
        Assert.Throws<RpcException>(() => _gateway.Limiter.Acquire(hasToken: true));
    }

    [Fact]
    public async Task A_viewer_that_disconnects_is_removed()
    {
        var auction = _gateway.Commit(Rows.Auction(1, 1_000));
        using var disconnect = new CancellationTokenSource();
        var (recorder, stream) = _gateway.Watch(
            new FrameRecorder(), disconnect.Token, new SubscriptionTarget(auction.Id, null));
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        await disconnect.CancelAsync();
        await Eventually.EndsAsync(stream);
        Assert.Empty(_gateway.Fanout.Watched);
    }

    private static List<(Frame, long)> VersionsOf(FrameRecorder recorder) =>
        [.. recorder.Frames.Select(f => (f.FrameCase, f.Version))];
}

using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;
using StreamGateway;
using Frame = Auctions.V1.WatchResponse.FrameOneofCase;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>What one viewer is written, and in which order.</summary>
public sealed class ViewerTests : IAsyncLifetime
{
    private readonly Gallery _gallery = new();

    public Task InitializeAsync() => _gallery.StartAsync();

    public async Task DisposeAsync() => await _gallery.DisposeAsync();

    [Fact]
    public async Task A_viewer_gets_a_snapshot_then_deltas_then_the_end_and_the_stream_ends()
    {
        var auction = _gallery.Commit(Gallery.Auction(3, 1_200));
        var (sink, stream) = _gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        var fourth = _gallery.Apply(Gallery.Bid(auction));
        await Eventually.TrueAsync(() => sink.Frames.Count == 2);
        _gallery.Apply(Gallery.Sealed(fourth));
        await Eventually.EndsAsync(stream);

        Assert.Equal([Frame.Snapshot, Frame.Delta, Frame.Ended], sink.Frames.Select(f => f.FrameCase));
        Assert.Equal([3, 4, 5], sink.Frames.Select(f => f.Version));
        Assert.All(sink.Frames, frame => Assert.Equal(auction.Id.ToString(), frame.AuctionId));
        var now = TimeProvider.System.GetUtcNow();
        Assert.All(sink.Frames, frame => Assert.InRange(frame.ServerTime.ToDateTimeOffset(), now.AddMinutes(-1), now));

        var snapshot = sink.Frames[0].Snapshot;
        Assert.Equal((12, 13, "bidder-3", 3), (snapshot.CurrentPrice.Units, snapshot.MinimumBid.Units, snapshot.LeaderId, snapshot.BidCount));
        var delta = sink.Frames[1].Delta;
        Assert.Equal((3, 13, 14, "bidder-4", 4),
            (delta.FromVersion, delta.CurrentPrice.Units, delta.MinimumBid.Units, delta.LeaderId, delta.BidCount));
        Assert.Null(delta.EndTime);
        Assert.False(delta.HasExtensionsUsed || delta.HasReserveMet);
        var ended = sink.Frames[2].Ended;
        Assert.Equal((5, "bidder-4", V1.EndReason.Time, V1.AuctionStatus.Ended),
            (ended.Final.Version, ended.WinnerId, ended.EndReason, ended.Final.Status));
        Assert.Empty(_gallery.Fanout.Watched);
    }

    [Fact]
    public async Task One_who_resumes_at_the_latest_version_gets_no_snapshot()
    {
        var auction = _gallery.Commit(Gallery.Auction(7, 1_500));
        var sink = new FrameSink();
        _ = _gallery.NewViewer(TimeSpan.FromSeconds(1), new WishedTarget(auction.Id, 7))
            .RunAsync(sink, () => Task.CompletedTask, CancellationToken.None);
        await Eventually.TrueAsync(() => sink.Frames.Count > 0); // A heartbeat: the viewer has looked at the auction before.
        _gallery.Apply(Gallery.Bid(auction));

        await Eventually.TrueAsync(() => sink.Frames.Any(f => f.FrameCase != Frame.Heartbeat));
        var first = sink.Frames.First(f => f.FrameCase != Frame.Heartbeat);
        Assert.Equal((Frame.Delta, 8, 7), (first.FrameCase, first.Version, first.Delta.FromVersion));
    }

    [Fact]
    public async Task One_who_resumes_at_an_older_version_gets_a_snapshot()
    {
        var auction = _gallery.Commit(Gallery.Auction(7, 1_500));
        var (sink, _) = _gallery.Watch(new WishedTarget(auction.Id, 6));
        await Eventually.TrueAsync(() => sink.Frames.Count > 0);
        Assert.Equal((Frame.Snapshot, 7), (sink.Last.FrameCase, sink.Last.Version));
    }

    [Fact]
    public async Task One_who_has_seen_more_than_the_feed_has_brought_is_not_shown_less()
    {
        var auction = _gallery.Commit(Gallery.Auction(7, 1_500));
        var (first, _) = _gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => first.Frames.Count == 1);
        var eighth = _gallery.Commit(Gallery.Bid(auction)); // The feed is late.

        var (sink, _) = _gallery.Watch(new WishedTarget(auction.Id, 8));
        await Eventually.TrueAsync(() => first.Frames.Count > 1);
        _gallery.Apply(Gallery.Bid(eighth));
        await Eventually.TrueAsync(() => sink.Frames.Count > 0);
        Assert.All(sink.Frames, frame => Assert.Equal(9, frame.Version));
    }

    [Fact]
    public async Task A_version_that_the_ledger_has_not_reached_gets_a_snapshot_of_what_there_is()
    {
        var auction = _gallery.Commit(Gallery.Auction(7, 1_500));
        var (sink, _) = _gallery.Watch(new WishedTarget(auction.Id, 1_000));
        await Eventually.TrueAsync(() => sink.Frames.Count > 0);
        Assert.Equal((Frame.Snapshot, 7), (sink.Last.FrameCase, sink.Last.Version));
    }

    [Theory]
    [InlineData(null, new[] { Frame.Snapshot, Frame.Ended })]
    [InlineData(8L, new[] { Frame.Ended })]
    public async Task An_auction_that_is_over_is_told_so_and_the_stream_ends(long? seen, Frame[] expected)
    {
        var auction = _gallery.Commit(Gallery.Sealed(Gallery.Auction(7, 1_500)));
        var (sink, stream) = _gallery.Watch(new WishedTarget(auction.Id, seen));
        await Eventually.EndsAsync(stream);
        Assert.Equal(expected, sink.Frames.Select(f => f.FrameCase));
    }

    [Fact]
    public async Task A_cancelled_auction_ends_without_a_winner_or_a_reason()
    {
        var auction = Gallery.Auction(7, 1_500) with { Status = AuctionStatus.Cancelled };
        _gallery.Commit(auction);
        var (sink, stream) = _gallery.Watch(new WishedTarget(auction.Id, 7));
        await Eventually.EndsAsync(stream);
        Assert.Equal((V1.AuctionStatus.Cancelled, "", V1.EndReason.Unspecified),
            (sink.Last.Ended.Final.Status, sink.Last.Ended.WinnerId, sink.Last.Ended.EndReason));
    }

    [Fact]
    public async Task A_start_comes_as_a_delta_and_what_a_delta_cannot_tell_as_a_snapshot()
    {
        var auction = _gallery.Commit(Gallery.Auction(0, 0, AuctionStatus.Scheduled));
        var (sink, _) = _gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        Assert.Null(sink.Last.Snapshot.CurrentPrice);
        Assert.Equal(10, sink.Last.Snapshot.MinimumBid.Units);

        _gallery.Apply(auction with { Version = 1, Status = AuctionStatus.Active });
        await Eventually.TrueAsync(() => sink.Frames.Count == 2);
        Assert.Equal((Frame.Delta, V1.AuctionStatus.Active), (sink.Last.FrameCase, sink.Last.Delta.Status));

        var priced = auction with { Version = 2, Status = AuctionStatus.Active, Price = 15_00, Leader = "ann", BidCount = 1 };
        _gallery.Apply(priced);
        await Eventually.TrueAsync(() => sink.Frames.Count == 3);
        Assert.Equal((Frame.Delta, 15L, false), (sink.Last.FrameCase, sink.Last.Delta.CurrentPrice.Units, sink.Last.Delta.HasStatus));

        // An operator took the bids back: a delta cannot take a price away.
        _gallery.Apply(auction with { Version = 3, Status = AuctionStatus.Active });
        await Eventually.TrueAsync(() => sink.Frames.Count == 4);
        Assert.Equal((Frame.Snapshot, null), (sink.Last.FrameCase, sink.Last.Snapshot.CurrentPrice));
    }

    [Fact]
    public async Task A_slow_viewer_skips_to_the_latest_and_gets_it_whole()
    {
        var auction = _gallery.Commit(Gallery.Auction(1, 1_000));
        var blocked = new FrameSink();
        blocked.Block();
        var (slow, stream) = _gallery.Watch(blocked, CancellationToken.None, new WishedTarget(auction.Id, null));
        var (fast, _) = _gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => slow.Frames.Count == 1 && fast.Frames.Count == 1);
        for (var next = 2; next <= 20; next++)
        {
            auction = _gallery.Apply(Gallery.Bid(auction));
            await Eventually.TrueAsync(() => fast.Last.Version == next);
        }

        slow.Unblock();
        await Eventually.TrueAsync(() => slow.Last.Version == 20);
        Assert.Equal([(Frame.Snapshot, 1), (Frame.Snapshot, 20)], Auctioned(slow));
        Assert.Equal(20, Auctioned(fast).Count);
        Assert.False(stream.IsCompleted);
    }

    [Fact]
    public async Task All_viewers_are_written_the_same_bytes()
    {
        var auction = _gallery.Commit(Gallery.Auction(1, 1_000));
        var (first, _) = _gallery.Watch(new WishedTarget(auction.Id, null));
        var (second, _) = _gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => first.Frames.Count == 1 && second.Frames.Count == 1);
        _gallery.Apply(Gallery.Bid(auction));
        await Eventually.TrueAsync(() => first.Last.Version == 2 && second.Last.Version == 2);
        Assert.Same(first.Shared[0], second.Shared[0]);
        Assert.Same(first.Shared[1], second.Shared[1]);
    }

    [Fact]
    public async Task A_heartbeat_counts_the_viewers_of_the_first_target()
    {
        var (first, second) = (_gallery.Commit(Gallery.Auction(1, 1_000)), _gallery.Commit(Gallery.Auction(1, 1_000)));
        var sink = new FrameSink();
        _ = _gallery.NewViewer(TimeSpan.FromSeconds(1), new WishedTarget(first.Id, 1), new WishedTarget(second.Id, 1))
            .RunAsync(sink, () => Task.CompletedTask, CancellationToken.None);
        _gallery.Watch(new WishedTarget(first.Id, 1));
        await Eventually.TrueAsync(() => sink.Frames.Count >= 2);
        Assert.All(sink.Frames, frame => Assert.Equal((Frame.Heartbeat, 2, ""), (frame.FrameCase, frame.Heartbeat.ViewerCount, frame.AuctionId)));
    }

    [Fact]
    public async Task An_unknown_auction_is_not_found_by_name_and_leaves_nothing_watched()
    {
        var (known, unknown) = (_gallery.Commit(Gallery.Auction(1, 1_000)), Guid.NewGuid());
        var (sink, stream) = _gallery.Watch(new WishedTarget(known.Id, null), new WishedTarget(unknown, null));
        var error = await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Contains(unknown.ToString(), error.Status.Detail);
        Assert.Empty(sink.Frames);
        Assert.Empty(_gallery.Fanout.Watched);
    }

    [Fact]
    public async Task Draining_ends_streams_and_takes_no_new_ones()
    {
        var auction = _gallery.Commit(Gallery.Auction(1, 1_000));
        var (sink, stream) = _gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        _gallery.Drain();
        var error = await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream));
        Assert.Equal((StatusCode.Unavailable, "DRAINING"), (error.StatusCode, RpcErrors.Reason(error)));
        Assert.Throws<RpcException>(() => _gallery.Places.Take());
    }

    [Fact]
    public async Task A_viewer_who_goes_away_is_forgotten()
    {
        var auction = _gallery.Commit(Gallery.Auction(1, 1_000));
        using var gone = new CancellationTokenSource();
        var (sink, stream) = _gallery.Watch(new FrameSink(), gone.Token, new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        await gone.CancelAsync();
        await Eventually.EndsAsync(stream);
        Assert.Empty(_gallery.Fanout.Watched);
    }

    private static List<(Frame, long)> Auctioned(FrameSink sink) =>
        [.. sink.Frames.Select(f => (f.FrameCase, f.Version))];
}

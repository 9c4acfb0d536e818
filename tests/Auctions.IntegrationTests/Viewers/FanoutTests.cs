using Auctions.Core;
using Auctions.Ledger;
using StreamGateway;
using Frame = Auctions.V1.WatchResponse.FrameOneofCase;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>That viewers miss nothing and never go back, whatever the feed and the ledger do.</summary>
public sealed class FanoutTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Versions_never_go_back_and_the_last_frame_is_the_final_state(int seed)
    {
        // Repeated, reordered and replayed rows, viewers who come and go, and reads in between.
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var random = new Random(seed);
        var history = new List<PublicAuction> { gallery.Commit(Gallery.Auction(0, 0)) };
        var viewers = new List<(FrameSink Sink, Task Stream)>();
        for (var i = 0; i < 200; i++)
        {
            long? asked = random.Next(3) == 0 ? random.Next(history.Count + 5) : null;
            if (random.Next(8) == 0) viewers.Add(gallery.Watch(new WishedTarget(history[0].Id, asked)));
            history.Add(gallery.Commit(Gallery.Bid(history[^1])));
            for (var k = random.Next(4); k > 0; k--)
                gallery.Fanout.Apply(history[random.Next(Math.Max(0, history.Count - 12), history.Count)]);
            if (random.Next(5) == 0) await Task.Yield();
        }

        viewers.Add(gallery.Watch(new WishedTarget(history[0].Id, null)));
        var last = gallery.Apply(Gallery.Sealed(history[^1]));
        foreach (var old in history) gallery.Fanout.Apply(old);
        await Eventually.EndsAsync(Task.WhenAll(viewers.Select(v => v.Stream)));

        Assert.All(viewers, viewer =>
        {
            long seen = -1;
            foreach (var frame in viewer.Sink.Frames)
            {
                Assert.True(frame.Version >= seen, $"seed {seed}: {frame.Version} after {seen}");
                if (frame.FrameCase == Frame.Delta && seen >= 0) Assert.Equal(seen, frame.Delta.FromVersion);
                seen = frame.Version;
            }

            Assert.Equal((Frame.Ended, last.Version), (viewer.Sink.Last.FrameCase, viewer.Sink.Last.Version));
            Assert.Equal(last.Price / 100, viewer.Sink.Last.Ended.Final.CurrentPrice.Units);
        });
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task Deltas_on_top_of_a_snapshot_give_what_the_ledger_says(int seed)
    {
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var random = new Random(seed);
        var auction = gallery.Commit(Gallery.Auction(0, 0));
        var (sink, _) = gallery.Watch(new WishedTarget(auction.Id, null));
        for (var i = 0; i < 60; i++)
        {
            auction = gallery.Apply(Gallery.Bid(auction) with
            {
                Leader = $"bidder-{random.Next(3)}",
                EndUs = auction.EndUs + random.Next(2) * 10_000_000,
                Extensions = auction.Extensions + random.Next(2),
                ReserveMet = auction.ReserveMet || random.Next(10) == 0,
            });
            if (random.Next(3) == 0) await Eventually.TrueAsync(() => sink.Frames.Count > 0 && sink.Last.Version == auction.Version);
        }

        await Eventually.TrueAsync(() => sink.Last.Version == auction.Version);
        Assert.Contains(sink.Frames, frame => frame.FrameCase == Frame.Delta);
        Assert.Equal(AuctionFrames.State(auction), Page.Of(sink.Frames));
    }

    [Fact]
    public async Task Changes_in_quick_succession_are_one_frame()
    {
        await using var gallery = new Gallery(new GatewayOptions { CoalesceMs = 500 });
        await gallery.StartAsync();
        var auction = gallery.Commit(Gallery.Auction(1, 1_000));
        var (sink, _) = gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        for (var i = 0; i < 200; i++) auction = gallery.Apply(Gallery.Bid(auction));
        await Eventually.TrueAsync(() => sink.Last.Version == auction.Version);

        // The first change at once, and perhaps a pause that began before it; the rest together.
        Assert.InRange(sink.Frames.Count, 2, 4);
    }

    [Fact]
    public async Task A_row_that_was_committed_before_the_viewer_joined_is_not_needed_from_the_feed()
    {
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var old = gallery.Apply(Gallery.Auction(1, 1_000)); // Nobody watches: it is not kept.
        gallery.Commit(Gallery.Bid(old));
        var (sink, _) = gallery.Watch(new WishedTarget(old.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        Assert.Equal(2, sink.Last.Version);
    }

    [Fact]
    public async Task What_is_committed_while_a_viewer_joins_is_not_missed()
    {
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var auction = gallery.Commit(Gallery.Auction(1, 1_000));
        var reading = new TaskCompletionSource();
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var old = auction;
        gallery.BeforeQuery = () =>
        {
            reading.TrySetResult();
            return answered.Task;
        };
        var (sink, _) = gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.EndsAsync(reading.Task);
        gallery.Fanout.Apply(Gallery.Bid(auction)); // In the feed, while the ledger's answer is still the old row.
        answered.SetResult();
        await Eventually.TrueAsync(() => sink.Frames.Count > 0 && sink.Last.Version == 2);
        Assert.Equal(1, gallery.Ledger[old.Id].Version);
    }

    [Fact]
    public async Task Many_who_come_at_once_cost_few_queries()
    {
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var auctions = Enumerable.Range(0, 1_000).Select(_ => gallery.Commit(Gallery.Auction(1, 1_000))).ToList();
        var viewers = auctions.Select(auction => gallery.Watch(new WishedTarget(auction.Id, null))).ToList();
        await Eventually.TrueAsync(() => viewers.All(viewer => viewer.Sink.Frames.Count > 0));
        Assert.InRange(gallery.Queries, 1, 50);
        Assert.All(viewers, viewer => Assert.Equal(1, viewer.Sink.Frames[0].Version));
    }

    [Fact]
    public async Task After_a_gap_all_that_is_watched_is_read_again_as_often_as_it_takes()
    {
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var auctions = Enumerable.Range(0, 3).Select(_ => gallery.Commit(Gallery.Auction(1, 1_000))).ToList();
        var viewers = auctions.Select(auction => gallery.Watch(new WishedTarget(auction.Id, null))).ToList();
        await Eventually.TrueAsync(() => viewers.All(viewer => viewer.Sink.Frames.Count > 0));
        foreach (var auction in auctions) gallery.Commit(Gallery.Bid(auction)); // The feed loses them.

        var failures = 1;
        gallery.BeforeQuery = () => failures-- > 0 ? throw new IOException("no Postgres") : Task.CompletedTask;
        await Eventually.EndsAsync(gallery.Fanout.ResyncAsync(CancellationToken.None));
        await Eventually.TrueAsync(() => viewers.All(viewer => viewer.Sink.Last.Version == 2));
    }

    [Fact]
    public async Task An_auction_past_its_end_that_was_not_seen_to_end_is_read_again()
    {
        await using var gallery = new Gallery(new GatewayOptions { CoalesceMs = 1, OverdueMs = 100 });
        await gallery.StartAsync();
        var nowUs = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var auction = gallery.Commit(Gallery.Auction(1, 1_000) with { EndUs = nowUs });
        var (sink, stream) = gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
        gallery.Commit(Gallery.Sealed(auction)); // The feed loses it.
        await gallery.Overdue.StartAsync(CancellationToken.None);
        await Eventually.EndsAsync(stream);
        Assert.Equal(Frame.Ended, sink.Last.FrameCase);
    }

    [Fact]
    public async Task A_read_that_failed_is_begun_anew_by_the_next_viewer()
    {
        await using var gallery = new Gallery();
        await gallery.StartAsync();
        var auction = gallery.Commit(Gallery.Auction(1, 1_000));
        gallery.BeforeQuery = () => throw new IOException("no Postgres");
        var (_, failed) = gallery.Watch(new WishedTarget(auction.Id, null));
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => Eventually.EndsAsync(failed));

        gallery.BeforeQuery = () => Task.CompletedTask;
        var (sink, _) = gallery.Watch(new WishedTarget(auction.Id, null));
        await Eventually.TrueAsync(() => sink.Frames.Count == 1);
    }
}

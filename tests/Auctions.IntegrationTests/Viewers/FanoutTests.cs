using Auctions.Ledger;
using StreamGateway;
using Frame = Auctions.V1.WatchResponse.FrameOneofCase;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>Viewers miss nothing and never go back, whatever happens to events and reads.</summary>
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
        // Repeated, reordered and replayed rows, viewers that join and end, and reads in between.
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var random = new Random(seed);
        var history = new List<PublicAuction> { gateway.Commit(Rows.Auction(0, 0)) };
        var viewers = new List<(FrameRecorder Recorder, Task Stream)>();
        for (var i = 0; i < 200; i++)
        {
            long? resumeVersion = random.Next(3) == 0 ? random.Next(history.Count + 5) : null;
            if (random.Next(8) == 0) viewers.Add(gateway.Watch(history[0].Id, resumeVersion));
            history.Add(gateway.Commit(Rows.AfterBid(history[^1])));
            for (var k = random.Next(4); k > 0; k--)
                gateway.Fanout.Apply(history[random.Next(Math.Max(0, history.Count - 12), history.Count)]);
            if (random.Next(5) == 0) await Task.Yield();
        }

        viewers.Add(gateway.Watch(history[0].Id));
        var last = gateway.Apply(Rows.Sealed(history[^1]));
        foreach (var old in history) gateway.Fanout.Apply(old);
        await Eventually.EndsAsync(Task.WhenAll(viewers.Select(v => v.Stream)));

        Assert.All(viewers, viewer =>
        {
            long seen = -1;
            foreach (var frame in viewer.Recorder.Frames)
            {
                Assert.True(frame.Version >= seen, $"seed {seed}: {frame.Version} after {seen}");
                if (frame.FrameCase == Frame.Delta && seen >= 0) Assert.Equal(seen, frame.Delta.FromVersion);
                seen = frame.Version;
            }

            Assert.Equal((Frame.Ended, last.Version), (viewer.Recorder.Last.FrameCase, viewer.Recorder.Last.Version));
            Assert.Equal(last.Price / 100, viewer.Recorder.Last.Ended.Final.CurrentPrice.Units);
        });
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public async Task Deltas_applied_to_a_snapshot_give_the_ledgers_state(int seed)
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var random = new Random(seed);
        var auction = gateway.Commit(Rows.Auction(0, 0));
        var (recorder, _) = gateway.Watch(auction.Id);
        for (var i = 0; i < 60; i++)
        {
            auction = gateway.Apply(Rows.AfterBid(auction) with
            {
                Leader = $"bidder-{random.Next(3)}",
                EndUs = auction.EndUs + random.Next(2) * 10_000_000,
                Extensions = auction.Extensions + random.Next(2),
                ReserveMet = auction.ReserveMet || random.Next(10) == 0,
            });
            if (random.Next(3) != 0) continue;
            await Eventually.TrueAsync(() => recorder.Frames.Count > 0 && recorder.Last.Version == auction.Version);
        }

        await Eventually.TrueAsync(() => recorder.Last.Version == auction.Version);
        Assert.Contains(recorder.Frames, frame => frame.FrameCase == Frame.Delta);
        Assert.Equal(AuctionFrames.State(auction), ReplayedState.Of(recorder.Frames));
    }

    [Fact]
    public async Task Changes_in_quick_succession_are_coalesced_into_one_frame()
    {
        await using var gateway = new InMemoryGateway(new GatewayOptions { CoalesceMs = 500 });
        await gateway.StartAsync();
        var auction = gateway.Commit(Rows.Auction(1, 1_000));
        var (recorder, _) = gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        for (var i = 0; i < 200; i++) auction = gateway.Apply(Rows.AfterBid(auction));
        await Eventually.TrueAsync(() => recorder.Last.Version == auction.Version);

        // The first change goes out at once, perhaps after a pause that began before it; the others go together.
        Assert.InRange(recorder.Frames.Count, 2, 4);
    }

    [Fact]
    public async Task A_change_that_was_committed_before_the_viewer_joined_needs_no_event()
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var old = gateway.Apply(Rows.Auction(1, 1_000)); // Nobody watches, so it is not kept.
        gateway.Commit(Rows.AfterBid(old));
        var (recorder, _) = gateway.Watch(old.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        Assert.Equal(2, recorder.Last.Version);
    }

    [Fact]
    public async Task A_change_that_is_committed_while_a_viewer_joins_is_not_missed()
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var auction = gateway.Commit(Rows.Auction(1, 1_000));
        var reading = new TaskCompletionSource();
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var old = auction;
        gateway.BeforeQuery = () =>
        {
            reading.TrySetResult();
            return answered.Task;
        };
        var (recorder, _) = gateway.Watch(auction.Id);
        await Eventually.EndsAsync(reading.Task);
        gateway.Fanout.Apply(Rows.AfterBid(auction)); // Its event arrives, and the read will still give the old row.
        answered.SetResult();
        await Eventually.TrueAsync(() => recorder.Frames.Count > 0 && recorder.Last.Version == 2);
        Assert.Equal(1, gateway.Ledger[old.Id].Version);
    }

    [Fact]
    public async Task A_thousand_viewers_at_once_cost_few_queries()
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var auctions = Enumerable.Range(0, 1_000).Select(_ => gateway.Commit(Rows.Auction(1, 1_000))).ToList();
        var viewers = auctions.Select(auction => gateway.Watch(auction.Id)).ToList();
        await Eventually.TrueAsync(() => viewers.All(viewer => viewer.Recorder.Frames.Count > 0));
        Assert.InRange(gateway.Queries, 1, 50);
        Assert.All(viewers, viewer => Assert.Equal(1, viewer.Recorder.Frames[0].Version));
    }

    [Fact]
    public async Task After_a_gap_watched_auctions_are_read_again_until_every_read_succeeds()
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var auctions = Enumerable.Range(0, 3).Select(_ => gateway.Commit(Rows.Auction(1, 1_000))).ToList();
        var viewers = auctions.Select(auction => gateway.Watch(auction.Id)).ToList();
        await Eventually.TrueAsync(() => viewers.All(viewer => viewer.Recorder.Frames.Count > 0));
        foreach (var auction in auctions) gateway.Commit(Rows.AfterBid(auction)); // Their events are lost.

        var failures = 1;
        gateway.BeforeQuery = () => failures-- > 0 ? throw new IOException("no Postgres") : Task.CompletedTask;
        await Eventually.EndsAsync(gateway.Fanout.ResyncAsync(CancellationToken.None));
        await Eventually.TrueAsync(() => viewers.All(viewer => viewer.Recorder.Last.Version == 2));
    }

    [Fact]
    public async Task An_auction_past_its_end_that_was_not_seen_to_end_is_read_again()
    {
        await using var gateway = new InMemoryGateway(new GatewayOptions { CoalesceMs = 1, OverdueMs = 100 });
        await gateway.StartAsync();
        var nowUs = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var auction = gateway.Commit(Rows.Auction(1, 1_000) with { EndUs = nowUs });
        var (recorder, stream) = gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
        gateway.Commit(Rows.Sealed(auction)); // Its event is lost.
        await gateway.Overdue.StartAsync(CancellationToken.None);
        await Eventually.EndsAsync(stream);
        Assert.Equal(Frame.Ended, recorder.Last.FrameCase);
    }

    [Fact]
    public async Task The_next_viewer_repeats_a_failed_read()
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var auction = gateway.Commit(Rows.Auction(1, 1_000));
        gateway.BeforeQuery = () => throw new IOException("no Postgres");
        var (_, failed) = gateway.Watch(auction.Id);
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => Eventually.EndsAsync(failed));

        gateway.BeforeQuery = () => Task.CompletedTask;
        var (recorder, _) = gateway.Watch(auction.Id);
        await Eventually.TrueAsync(() => recorder.Frames.Count == 1);
    }
}

using BiddingService;
using Xunit;
using Xunit.Abstractions;

namespace Auctions.Simulation;

/// <summary>Random histories with faults.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    [Fact]
    public void Ten_thousand_histories_keep_the_promises()
    {
        var played = Histories.Play(Enumerable.Range(0, 10_000), Guards.All);

        output.WriteLine(played.ToString());
        Assert.True(played.Broken.Count == 0, played.ToString());
        Assert.True(
            played.Entries > 100_000 && played.Rejections > 100_000,
            $"Too little happened to prove anything: {played}");
    }

    [Theory]
    [InlineData(nameof(Guards.Predecessor))]
    [InlineData(nameof(Guards.HeadMoves))]
    [InlineData(nameof(Guards.Before))]
    [InlineData(nameof(Guards.RejectionBasis))]
    [InlineData(nameof(Guards.UniqueKey))]
    [InlineData(nameof(Guards.AnswerAfterCommit))]
    [InlineData(nameof(Guards.Ahead))]
    [InlineData(nameof(Guards.Outdated))]
    public void Without_a_guard_they_break_a_promise(string guard)
    {
        var played = Histories.Play(Enumerable.Range(0, 200), Guards.All & ~Enum.Parse<Guards>(guard));

        Assert.NotEmpty(played.Broken);
    }

    [Fact]
    public void A_seed_gives_one_history()
    {
        var (once, again) = (Histories.Play([17], Guards.All), Histories.Play([17], Guards.All));

        Assert.Equal(once with { Broken = again.Broken }, again);
    }
}

/// <summary>How far the decisions of one auction run ahead of the ledger, and in which batches (ADR 11).</summary>
public sealed class CombiningTests
{
    private const int Bids = 2_000;
    private const long MinuteUs = 60_000_000;

    [Theory]
    [InlineData(20)]
    [InlineData(100)]
    [InlineData(500)]
    public void A_call_takes_as_many_bids_as_are_uncommitted_and_does_not_wait_for_their_commit(int usBetween)
    {
        var world = new FaultFreeWorld();
        var auction = world.OpenAuction();
        var options = new BiddingOptions();
        var committed = world.Ledger.Chains[auction].AllAnswers;
        var calls = new List<(int Bids, int Uncommitted)>();
        world.Redis.Deciding += bids => calls.Add((bids, calls.Sum(c => c.Bids) - committed.Count));
        world.Run(() =>
        {
            var placeBid = world.NewInstance(options);
            for (var i = 0; i < Bids; i++)
            {
                var request = FaultFreeWorld.ProxyBid(auction, $"b{i}", 100 + (i * 10));
                world.Scheduler.After(i * usBetween, () => _ = placeBid.PlaceAsync(request, CancellationToken.None));
            }
        }, MinuteUs);

        Assert.Equal(Bids, committed.Count);
        Assert.All(calls, c => Assert.InRange(
            c.Bids, Math.Min(c.Uncommitted, options.DecideBidsMax), options.DecideBidsMax));
        Assert.Contains(calls, c => c.Uncommitted > 0);
    }
}

/// <summary>
/// An instance appends what another instance decided and could not commit. This is for progress and fairness, not
/// safety.
/// </summary>
public sealed class CompletionTests
{
    private const long SecondUs = 1_000_000;

    [Theory]
    [InlineData(true, "ann bob")]
    [InlineData(false, "bob")]
    public void The_next_commit_appends_what_a_dead_instance_decided(bool completes, string expected)
    {
        var world = new FaultFreeWorld(completes ? Guards.All : Guards.All & ~Guards.Completion);
        var auction = world.OpenAuction();
        world.Run(
            () => _ = PlaceAsync(world.NewInstance(new BiddingOptions(), ledgerDown: true), "ann", 200), SecondUs);
        world.Run(() => _ = PlaceAsync(world.NewInstance(new BiddingOptions()), "bob", 300), SecondUs);

        var appended = world.Ledger.Chains[auction].Entries.Skip(1).Select(e => e.Bid!.Bidder);
        Assert.Equal(expected, string.Join(' ', appended));

        async Task PlaceAsync(PlaceBid instance, string bidder, long max)
        {
            try
            {
                await instance.PlaceAsync(FaultFreeWorld.ProxyBid(auction, bidder, max), CancellationToken.None);
            }
            catch (OutcomeUnknownException)
            {
                // The instance that cannot reach the ledger: nobody waits for its answer.
            }
        }
    }
}

/// <summary>One lane, one auction with very many bids, and one with a single bid.</summary>
public sealed class FairnessTests
{
    private const int Bids = 3_000;
    private const long MinuteUs = 60_000_000;

    private int _answered;

    [Fact]
    public void A_hot_auction_does_not_delay_another_one()
    {
        var world = new FaultFreeWorld();
        var options = new BiddingOptions { Lanes = 1, CommitEntriesMax = 50 };
        var (hot, cold) = (world.OpenAuction(), world.OpenAuction());
        var answeredMeanwhile = int.MaxValue;
        world.Run(() =>
        {
            var placeBid = world.NewInstance(options);
            for (var i = 0; i < Bids; i++) _ = PlaceAsync(placeBid, hot, i);
            world.Scheduler.After(40_000, () => _ = PlaceColdBidAsync(placeBid));
        }, MinuteUs);

        // The cold bid waits for what the lane already holds of the hot auction and what commits with it, not for more.
        Assert.Equal(Bids + 1, _answered);
        Assert.InRange(answeredMeanwhile, 0,
            (2 * options.CommitEntriesMax) + options.DecideBidsMax + (4 * options.CommitEntriesMax));

        async Task PlaceColdBidAsync(PlaceBid placeBid)
        {
            var before = _answered;
            await PlaceAsync(placeBid, cold, Bids);
            answeredMeanwhile = _answered - before;
        }
    }

    private async Task PlaceAsync(PlaceBid placeBid, Guid auctionId, int i)
    {
        await placeBid.PlaceAsync(FaultFreeWorld.ProxyBid(auctionId, $"b{i}", 100 + (i * 10)), CancellationToken.None);
        _answered++;
    }
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

/// <summary>How fast a bidder may bid: by default 10 bids a minute on one auction.</summary>
public sealed class VelocityTests(RedisServer server) : HotStateTest(server)
{
    private const long Minute = 60_000_000;

    [Fact]
    public async Task The_eleventh_bid_of_a_minute_is_rejected_and_not_recorded()
    {
        await HydrateAsync();
        for (var i = 0; i < 10; i++)
            Assert.Equal(BidOutcome.Leading, (await DecideAsync(Limited("ann", 20_00 + i))).Outcome);
        var (hash, eleventh) = (await HashAsync(), Limited("ann", 50_00));

        var rejected = await DecideAsync(eleventh);

        Assert.Equal((BidOutcome.Rejected, RejectionReason.Velocity), (rejected.Outcome, rejected.Reason));
        Assert.Equal(rejected.Before, rejected.After);
        Assert.Equal(hash, await HashAsync());
        Assert.Null(await AnswerAsync("ann", eleventh.Bid.Key));
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Limited("bob", 50_00))).Outcome);
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 90_00))).Outcome);
    }

    [Fact]
    public async Task Each_bid_of_a_call_counts_and_a_retry_does_not()
    {
        await HydrateAsync();
        var first = Limited("ann", 20_00);
        await DecideAsync(first);
        UndecidedBid[] bids =
        [
            first with { Id = Guid.NewGuid() }, .. Enumerable.Range(1, 10).Select(i => Limited("ann", 20_00 + i)),
        ];

        var decided = (await HotState.DecideAsync(AuctionId, bids, None))!.Bids;

        Assert.Equal(first.Id, decided[0].Id);
        Assert.Equal(
            [.. Enumerable.Repeat(BidOutcome.Leading, 10), BidOutcome.Rejected], decided.Select(d => d.Outcome));
    }

    [Fact]
    public async Task Rejected_bids_do_not_count()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("bob", 20_00));
        UndecidedBid[] bids =
        [
            .. Enumerable.Repeat(0, 30).Select(_ => Limited("ann", 1)), .. Enumerable.Range(0, 11).Select(i =>
                Limited("ann", 30_00 + i)),
        ];

        var decided = (await HotState.DecideAsync(AuctionId, bids, None))!.Bids;

        Assert.All(decided.Take(30), d => Assert.Equal(RejectionReason.TooLow, d.Reason));
        Assert.All(decided.Skip(30).Take(10), d => Assert.Equal(BidOutcome.Leading, d.Outcome));
        Assert.Equal(RejectionReason.Velocity, decided[40].Reason);
    }

    [Fact]
    public async Task A_purchase_is_exempt_from_the_limit()
    {
        var head = await OpenHeadAsync();
        head = head with { Terms = head.Terms with { Reserve = 500_00, BuyNow = 900_00 } }; // stays on offer
        Assert.True(await HotState.HydrateAsync(AuctionId, null, head, [], None));
        for (var i = 0; i < 10; i++) await DecideAsync(Limited("ann", 20_00 + i));
        Assert.Equal(RejectionReason.Velocity, (await DecideAsync(Limited("ann", 50_00))).Reason);

        var purchase = new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0);
        var bought = await DecideAsync(new UndecidedBid(Guid.NewGuid(), purchase, Guid.Empty, Limited: true));
        Assert.Equal(BidOutcome.Leading, bought.Outcome);
    }

    [Fact]
    public async Task A_bid_that_is_decided_again_does_not_count_again()
    {
        await HydrateAsync();
        var bids = Enumerable.Range(0, 10).Select(i => Limited("ann", 20_00 + i)).ToArray();
        var last = (await HotState.DecideAsync(AuctionId, bids, None))!.Bids[^1];

        var again = await DecideAsync(bids[^1] with { Id = Guid.NewGuid(), Replaces = last.Id });

        // It is rejected this time, so it counts no more.
        Assert.Equal(RejectionReason.CeilingNotRaised, again.Reason);
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Limited("ann", 40_00))).Outcome);
        Assert.Equal(RejectionReason.Velocity, (await DecideAsync(Limited("ann", 50_00))).Reason);
    }

    [Fact]
    public async Task The_limit_applies_to_a_bid_that_was_rejected_at_first_and_is_decided_again()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("bob", 20_00));
        var stale = Limited("ann", 10_00); // rejected on a state that is not the ledger's
        var rejected = await DecideAsync(stale);
        Assert.Equal(BidOutcome.Rejected, rejected.Outcome);
        for (var i = 0; i < 10; i++) await DecideAsync(Limited("ann", 30_00 + i));

        var again = await DecideAsync(stale with { Id = Guid.NewGuid(), Replaces = rejected.Id });

        Assert.Equal(RejectionReason.Velocity, again.Reason);
    }

    [Fact]
    public async Task A_bid_that_is_decided_again_and_accepted_counts_once()
    {
        await HydrateAsync();
        var first = Limited("ann", 20_00);
        var decided = await DecideAsync(first);
        await HydrateAsync(); // the ledger did not take it
        Assert.True((await DecideAsync(first with { Id = Guid.NewGuid(), Replaces = decided.Id })).Accepted);

        for (var i = 1; i < 10; i++)
            Assert.Equal(BidOutcome.Leading, (await DecideAsync(Limited("ann", 20_00 + i))).Outcome);
        Assert.Equal(RejectionReason.Velocity, (await DecideAsync(Limited("ann", 50_00))).Reason);
    }

    [Fact]
    public async Task The_window_starts_at_the_oldest_of_the_ten_bids()
    {
        var begin = await NowUsAsync();
        await HydrateAsync();
        var script = new ScriptWithClock(Redis);
        for (var i = 0; i < 10; i++) Assert.Equal(BidOutcome.Leading, (await AtAsync(begin + i, 20_00 + i)).Outcome);

        Assert.Equal(RejectionReason.Velocity, (await AtAsync(begin + Minute - 1, 50_00)).Reason);
        Assert.Equal(BidOutcome.Leading, (await AtAsync(begin + Minute, 50_00)).Outcome);
        Assert.Equal(RejectionReason.Velocity, (await AtAsync(begin + Minute, 60_00)).Reason);
        Assert.Equal(BidOutcome.Leading, (await AtAsync(begin + Minute + 1, 60_00)).Outcome);

        async Task<DecidedBid> AtAsync(long nowUs, long max) =>
            Assert.Single(await script.DecideAsync(AuctionId, [Limited("ann", max)], nowUs));
    }

    [Fact]
    public async Task The_ledgers_answers_restore_missing_windows_and_do_not_replace_existing_ones()
    {
        var head = await OpenHeadAsync();
        var nowUs = await NowUsAsync();
        DecidedBid[] answers =
        [
            .. Bids("ann", 10, nowUs), .. Bids("bob", 10, nowUs - Minute), .. Bids("cid", 9, nowUs),
            .. Bids("cid", 10, nowUs, max: 1), // rejected: they do not count
        ];
        Assert.True(await HotState.HydrateAsync(AuctionId, null, head, answers, None));

        Assert.Equal(RejectionReason.Velocity, (await DecideAsync(Limited("ann", 20_00))).Reason);
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Limited("bob", 20_00))).Outcome);
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Limited("cid", 30_00))).Outcome);
        Assert.Equal(RejectionReason.Velocity, (await DecideAsync(Limited("cid", 40_00))).Reason);

        var seen = await HotState.ReadHeadAsync(AuctionId, None);
        Assert.True(await HotState.HydrateAsync(AuctionId, seen, head, Bids("cid", 1, nowUs), None));
        Assert.Equal(RejectionReason.Velocity, (await DecideAsync(Limited("cid", 40_00))).Reason);

        DecidedBid[] Bids(string bidder, int count, long decidedUs, long max = 20_00) =>
        [
            .. Enumerable.Range(0, count).Select(i =>
                DecidedBid.Decide(AuctionId, head, Guid.NewGuid(), Proxy(bidder, max).Bid, decidedUs - i)),
        ];
    }

    [Fact]
    public async Task Without_a_limit_every_bid_is_admitted()
    {
        await HydrateAsync();
        var hotState = NewHotState(o => o.VelocityBidsMax = 0);
        UndecidedBid[] bids = [.. Enumerable.Range(0, 30).Select(i => Limited("ann", 20_00 + i))];
        var decided = (await hotState.DecideAsync(AuctionId, bids, None))!.Bids;
        Assert.All(decided, d => Assert.Equal(BidOutcome.Leading, d.Outcome));
    }

    private static UndecidedBid Limited(string bidder, long max) => Proxy(bidder, max, limited: true);
}

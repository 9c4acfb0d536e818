using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

/// <summary>What place_bids.lua does apart from the rules. <see cref="DifferentialTests"/> covers the rules.</summary>
public sealed class DecidingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task Bids_of_one_call_are_decided_one_after_another()
    {
        var head = await HydrateAsync();
        UndecidedBid[] bids = [Proxy("ann", 50_00), Proxy("bob", 1), Proxy("bob", 60_00)];

        var batch = await HotState.DecideAsync(AuctionId, bids, None);

        Assert.Equal(head.Terms, batch!.Terms);
        var (first, rejected, second) = (batch.Bids[0], batch.Bids[1], batch.Bids[2]);
        Assert.Equal(bids.Select(b => (b.Id, b.Bid)), batch.Bids.Select(b => (b.Id, b.Bid)));
        Assert.Equal([1L, 1L, 2L], batch.Bids.Select(b => b.Version));
        Assert.Equal([head.EntryId, first.Id, first.Id], batch.Bids.Select(b => b.Prev));
        Assert.Equal((head.State, first.After, first.After), (first.Before, rejected.Before, second.Before));
        Assert.Equal((RejectionReason.TooLow, first.After), (rejected.Reason, rejected.After));
        Assert.Equal(("bob", 51_00L), (second.After.Leader, second.After.Price));
        Assert.Equal(new HotHead(2, second.Id), await HotState.ReadHeadAsync(AuctionId, None));
        Assert.Equal([first, second], await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Fact]
    public async Task A_retry_gets_the_same_answer_and_changes_nothing()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var first = await DecideAsync(Proxy("ann", 50_00, key));
        var hash = await HashAsync();
        Assert.Equal(first, await DecideAsync(Proxy("ann", 50_00, key)));
        Assert.Equal(hash, await HashAsync());
    }

    [Fact]
    public async Task A_retry_of_a_rejected_bid_is_rejected_even_if_it_would_be_accepted_now()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var rejected = await DecideAsync(Proxy("ann", 1, key));
        Assert.Equal(RejectionReason.TooLow, rejected.Reason);
        Assert.Equal(rejected, await DecideAsync(Proxy("ann", 50_00, key)));
    }

    [Fact]
    public async Task A_key_that_occurs_twice_in_one_call_is_decided_once()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        UndecidedBid[] bids = [Proxy("ann", 50_00, key), Proxy("ann", 50_00, key)];
        var decided = (await HotState.DecideAsync(AuctionId, bids, None))!.Bids;
        Assert.Equal(decided[0], decided[1]);
        Assert.Equal(1, decided[0].Version);
        Assert.Single(await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Fact]
    public async Task The_same_key_of_another_bidder_is_another_key()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        await DecideAsync(Proxy("ann", 50_00, key));
        Assert.Equal("bob", (await DecideAsync(Proxy("bob", 60_00, key))).Bid.Bidder);
    }

    [Fact]
    public async Task A_replaced_decision_is_forgotten_and_the_bid_is_decided_again()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var conflicting = await DecideAsync(Proxy("ann", 50_00, key));
        var again = await DecideAsync(Proxy("ann", 50_00, key, conflicting.Id));
        Assert.NotEqual(conflicting.Id, again.Id);
        Assert.Equal(RejectionReason.CeilingNotRaised, again.Reason);
        Assert.Equal(again, await DecideAsync(Proxy("ann", 50_00, key)));
    }

    [Fact]
    public async Task Another_decision_than_the_replaced_one_stays()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var first = await DecideAsync(Proxy("ann", 50_00, key));
        Assert.Equal(first, await DecideAsync(Proxy("ann", 50_00, key, Guid.NewGuid())));
    }

    [Fact]
    public async Task Two_retries_in_one_call_that_replace_the_same_decision_get_one_answer()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var old = await DecideAsync(Proxy("ann", 1, key));
        UndecidedBid[] bids = [Proxy("ann", 50_00, key, old.Id), Proxy("ann", 50_00, key, old.Id)];
        var decided = (await HotState.DecideAsync(AuctionId, bids, None))!.Bids;
        Assert.Equal(BidOutcome.Leading, decided[0].Outcome);
        Assert.Equal(decided[0], decided[1]);
    }

    [Fact]
    public async Task A_stored_answer_that_is_not_a_decision_line_counts_as_missing()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        await SetAnswerAsync("ann", key, "nonsense");
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 50_00, key))).Outcome);
    }

    [Fact]
    public async Task Known_terms_are_not_sent_again_but_changed_terms_are()
    {
        var head = await HydrateAsync();
        Assert.Same(await TermsAsync(), await TermsAsync());

        var changed = await HydrateAsync(h => h with { Version = 1, Terms = h.Terms with { Opening = 20_00 } });
        Assert.NotEqual(head.Terms, changed.Terms);
        Assert.Equal(changed.Terms, await TermsAsync());

        async Task<Terms> TermsAsync() => (await HotState.DecideAsync(AuctionId, [Proxy("ann", 1)], None))!.Terms;
    }

    [Fact]
    public async Task Bids_are_decided_under_the_terms_of_their_auction_even_if_the_terms_cache_is_full()
    {
        var hotState = NewHotState(o => o.KnownTermsMax = 1);
        var other = Guid.NewGuid();
        var head = await HydrateAsync();
        var otherHead = head with { Terms = head.Terms with { Opening = 20_00 } };
        await hotState.HydrateAsync(other, null, otherHead, [], None);
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal(head.Terms, (await hotState.DecideAsync(AuctionId, [Proxy("ann", 1)], None))!.Terms);
            Assert.Equal(otherHead.Terms, (await hotState.DecideAsync(other, [Proxy("ann", 1)], None))!.Terms);
        }
    }

    [Fact]
    public async Task Answers_and_idle_auctions_expire_but_pending_entries_stay()
    {
        var hotState = NewHotState(
            o => (o.IdempotencyTtl, o.IdleTtl) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(20)));
        await HydrateAsync();
        await hotState.DecideAsync(AuctionId, [Proxy("ann", 50_00)], None);

        var idle = await Redis.KeyTimeToLiveAsync(Keys.Auction);
        Assert.InRange((await AnswersTimeToLiveAsync()).TotalMinutes, 9.9, 20);
        Assert.InRange(idle!.Value.TotalMinutes, 19, 20);
        Assert.Null(await Redis.KeyTimeToLiveAsync(Keys.Pending));
    }

    [Fact]
    public async Task A_call_carries_1_to_256_bids()
    {
        await HydrateAsync();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => HotState.DecideAsync(AuctionId, [], None));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => HotState.DecideAsync(AuctionId, Many(257), None));
        Assert.Equal(256, (await HotState.DecideAsync(AuctionId, Many(256), None))!.Bids.Count);

        static UndecidedBid[] Many(int count) =>
            [.. Enumerable.Range(0, count).Select(i => Proxy($"bidder-{i}", 10_00 + i * 2_00))];
    }

    [Fact]
    public async Task A_blank_that_would_shift_the_fields_is_not_sent() =>
        await Assert.ThrowsAsync<ArgumentException>(
            () => HotState.DecideAsync(AuctionId, [Proxy("ann 1", 50_00)], None));

    [Fact]
    public void The_error_of_an_option_out_of_range_names_its_key()
    {
        var error = Assert.Throws<ArgumentException>(() => NewHotState(o => o.IdleTtl = TimeSpan.Zero));
        Assert.Contains("HotState:IdleTtl", error.Message, StringComparison.Ordinal);
        Assert.Single(new HotStateOptions { IdempotencyTtl = TimeSpan.FromDays(366) }.Failures());
        var failure = Assert.Single(new HotStateOptions { KnownTermsMax = 0 }.Failures());
        Assert.Contains("HotState:KnownTermsMax", failure, StringComparison.Ordinal);
        Assert.Empty(new HotStateOptions().Failures());
    }
}

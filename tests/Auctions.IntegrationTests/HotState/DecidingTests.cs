using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.HotState;

namespace Auctions.IntegrationTests.HotState;

/// <summary>place_bids.lua beside the rules, which <see cref="DifferentialTests"/> compares.</summary>
public sealed class DecidingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task Bids_of_one_call_are_decided_one_on_top_of_the_other()
    {
        var head = await HydrateAsync();
        Proposal[] proposals = [Proxy("ann", 50_00), Proxy("bob", 1), Proxy("bob", 60_00)];

        var proposed = await HotState.DecideAsync(AuctionId, proposals, None);

        Assert.Equal(head.Terms, proposed!.Terms);
        var (first, refused, second) = (proposed.Bids[0], proposed.Bids[1], proposed.Bids[2]);
        Assert.Equal(proposals.Select(p => (p.Id, p.Bid)), proposed.Bids.Select(b => (b.Id, b.Bid)));
        Assert.Equal([1L, 1L, 2L], proposed.Bids.Select(b => b.Version));
        Assert.Equal([head.EntryId, first.Id, first.Id], proposed.Bids.Select(b => b.Prev));
        Assert.Equal((head.State, first.After, first.After), (first.Before, refused.Before, second.Before));
        Assert.Equal((RejectionReason.TooLow, first.After), (refused.Reason, refused.After));
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
    public async Task A_retry_of_a_refused_bid_is_refused_as_before_even_if_it_would_be_taken_now()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var refused = await DecideAsync(Proxy("ann", 1, key));
        Assert.Equal(RejectionReason.TooLow, refused.Reason);
        Assert.Equal(refused, await DecideAsync(Proxy("ann", 50_00, key)));
    }

    [Fact]
    public async Task A_key_that_comes_twice_in_one_call_is_decided_once()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var proposed = await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00, key), Proxy("ann", 50_00, key)], None);
        Assert.Equal(proposed!.Bids[0], proposed.Bids[1]);
        Assert.Equal(1, proposed.Bids[0].Version);
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
    public async Task A_void_decision_is_forgotten_and_the_bid_decided_again()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var refused = await DecideAsync(Proxy("ann", 50_00, key));
        var again = await DecideAsync(Proxy("ann", 50_00, key, refused.Id));
        Assert.NotEqual(refused.Id, again.Id);
        Assert.Equal(RejectionReason.CeilingNotRaised, again.Reason);
        Assert.Equal(again, await DecideAsync(Proxy("ann", 50_00, key)));
    }

    [Fact]
    public async Task A_decision_under_the_key_that_is_not_the_void_one_stands()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var first = await DecideAsync(Proxy("ann", 50_00, key));
        Assert.Equal(first, await DecideAsync(Proxy("ann", 50_00, key, Guid.NewGuid())));
    }

    [Fact]
    public async Task Of_two_retries_in_one_call_that_void_the_same_decision_the_second_gets_the_firsts_answer()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        var old = await DecideAsync(Proxy("ann", 1, key));
        var proposed = await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00, key, old.Id), Proxy("ann", 50_00, key, old.Id)], None);
        Assert.Equal(BidOutcome.Leading, proposed!.Bids[0].Outcome);
        Assert.Equal(proposed.Bids[0], proposed.Bids[1]);
    }

    [Fact]
    public async Task A_record_that_is_no_decision_is_as_good_as_none()
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        await SetAnswerAsync("ann", key, "nonsense");
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 50_00, key))).Outcome);
    }

    [Fact]
    public async Task Terms_that_are_known_are_not_sent_again_and_changed_ones_are()
    {
        var head = await HydrateAsync();
        Assert.Same(await TermsAsync(), await TermsAsync());

        var changed = await HydrateAsync(h => h with { Version = 1, Terms = h.Terms with { Opening = 20_00 } });
        Assert.NotEqual(head.Terms, changed.Terms);
        Assert.Equal(changed.Terms, await TermsAsync());

        async Task<Terms> TermsAsync() => (await HotState.DecideAsync(AuctionId, [Proxy("ann", 1)], None))!.Terms;
    }

    [Fact]
    public async Task More_auctions_than_a_service_remembers_the_terms_of_are_decided_under_their_own()
    {
        var hotState = NewHotState(o => o.KnownTermsMax = 1);
        var other = Guid.NewGuid();
        var head = await HydrateAsync();
        var others = head with { Terms = head.Terms with { Opening = 20_00 } };
        await hotState.HydrateAsync(other, null, others, [], None);
        for (var turn = 0; turn < 3; turn++)
        {
            Assert.Equal(head.Terms, (await hotState.DecideAsync(AuctionId, [Proxy("ann", 1)], None))!.Terms);
            Assert.Equal(others.Terms, (await hotState.DecideAsync(other, [Proxy("ann", 1)], None))!.Terms);
        }
    }

    [Fact]
    public async Task Answers_expire_and_an_idle_auction_does_but_what_is_pending_stays()
    {
        var hotState = NewHotState(o => (o.IdempotencyTtl, o.IdleTtl) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(20)));
        await HydrateAsync();
        var proposal = Proxy("ann", 50_00);
        await hotState.DecideAsync(AuctionId, [proposal], None);

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

        static Proposal[] Many(int count) => [.. Enumerable.Range(0, count).Select(i => Proxy($"bidder-{i}", 10_00 + i * 2_00))];
    }

    [Fact]
    public async Task A_blank_that_would_shift_the_fields_is_refused_before_it_is_sent() =>
        await Assert.ThrowsAsync<ArgumentException>(() => HotState.DecideAsync(AuctionId, [Proxy("ann 1", 50_00)], None));

    [Fact]
    public void Options_out_of_their_range_are_refused_by_the_name_of_their_key()
    {
        var error = Assert.Throws<ArgumentException>(() => NewHotState(o => o.IdleTtl = TimeSpan.Zero));
        Assert.Contains("HotState:IdleTtl", error.Message, StringComparison.Ordinal);
        Assert.Single(new HotStateOptions { IdempotencyTtl = TimeSpan.FromDays(366) }.Failures());
        Assert.Contains("HotState:KnownTermsMax", Assert.Single(new HotStateOptions { KnownTermsMax = 0 }.Failures()), StringComparison.Ordinal);
        Assert.Empty(new HotStateOptions().Failures());
    }
}

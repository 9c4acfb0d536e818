using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

public sealed class HydratingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task An_auction_is_set_to_the_ledgers_head()
    {
        var open = await OpenHeadAsync();
        var state = open.State with { Price = 30_00, Ceiling = 50_00, Leader = "ann", Extensions = 2, BidCount = 7 };
        var head = new Head(41, Guid.NewGuid(), open.Terms, state, await NowUsAsync());
        Assert.True(await HotState.HydrateAsync(AuctionId, null, head, [], None));

        Assert.Equal(new HotHead(41, head.EntryId), await HotState.ReadHeadAsync(AuctionId, None));
        var decided = await DecideAsync(Proxy("bob", 60_00));
        Assert.Equal(DecidedBid.Decide(AuctionId, head, decided.Id, decided.Bid, decided.DecidedUs), decided);
        var idle = await Redis.KeyTimeToLiveAsync(Keys.Auction);
        Assert.InRange(idle!.Value.TotalHours, 23, 24);
    }

    [Fact]
    public async Task The_old_hash_is_replaced_and_its_pending_entries_are_removed()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        await Redis.HashSetAsync(Keys.Auction, "left over", "x");
        var head = await HydrateAsync();
        Assert.Equal(new HotHead(0, head.EntryId), await HotState.ReadHeadAsync(AuctionId, None));
        Assert.Empty(await HotState.ReadPendingAsync(AuctionId, None));
        Assert.Equal(12, (await HashAsync()).Count);
    }

    [Fact]
    public async Task An_auction_that_moved_since_it_was_seen_is_not_overwritten()
    {
        await HydrateAsync();
        var seen = await HotState.ReadHeadAsync(AuctionId, None);
        var decided = await DecideAsync(Proxy("ann", 50_00));
        var hash = await HashAsync();

        Assert.False(await HotState.HydrateAsync(AuctionId, seen, await OpenHeadAsync(), [decided], None));
        Assert.Equal(hash, await HashAsync());
        Assert.Equal([decided], await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Fact]
    public async Task An_auction_that_appeared_or_vanished_or_has_another_head_is_not_overwritten()
    {
        var head = await OpenHeadAsync();
        Assert.False(await HotState.HydrateAsync(AuctionId, new HotHead(0, head.EntryId), head, [], None));
        Assert.False(await Redis.KeyExistsAsync(Keys.Auction));

        await HydrateAsync();
        Assert.False(await HotState.HydrateAsync(AuctionId, null, head, [], None));
        Assert.False(await HotState.HydrateAsync(AuctionId, new HotHead(0, head.EntryId), head, [], None));
    }

    [Fact]
    public async Task Answers_are_stored_and_replace_those_under_the_same_keys()
    {
        var head = await HydrateAsync();
        var bid = Proxy("ann", 50_00);
        var stored = await DecideAsync(bid);
        var answer = DecidedBid.Decide(AuctionId, head, Guid.NewGuid(), bid.Bid, 5);
        var rejection = DecidedBid.Decide(AuctionId, head, Guid.NewGuid(), Proxy("bob", 1).Bid, 6);
        Assert.NotEqual(stored, answer);

        var seen = await HotState.ReadHeadAsync(AuctionId, None);
        Assert.True(await HotState.HydrateAsync(AuctionId, seen, head, [answer, rejection], None));

        Assert.Equal(answer, await DecideAsync(bid));
        var retry = new UndecidedBid(Guid.NewGuid(), rejection.Bid, Guid.Empty, Limited: false);
        Assert.Equal(rejection, await DecideAsync(retry));
        Assert.InRange((await AnswersTimeToLiveAsync()).TotalHours, 23.9, 48);
    }
}

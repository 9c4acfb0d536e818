using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.HotState;

namespace Auctions.IntegrationTests.HotState;

public sealed class HydratingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task An_auction_comes_back_as_the_ledger_has_it()
    {
        var open = await OpenHeadAsync();
        var head = new Head(41, Guid.NewGuid(), open.Terms, open.State with { Price = 30_00, Ceiling = 50_00, Leader = "ann", Extensions = 2, BidCount = 7 });
        Assert.True(await HotState.HydrateAsync(AuctionId, null, head, [], None));

        Assert.Equal(new HotHead(41, head.EntryId), await HotState.ReadHeadAsync(AuctionId, None));
        var decided = await DecideAsync(Proxy("bob", 60_00));
        Assert.Equal(DecidedBid.Decide(AuctionId, head, decided.Id, decided.Bid, decided.DecidedUs), decided);
        var idle = await Redis.KeyTimeToLiveAsync(Keys.Auction);
        Assert.InRange(idle!.Value.TotalHours, 23, 24);
    }

    [Fact]
    public async Task What_was_there_is_replaced_and_what_was_pending_forgotten()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        await Redis.HashSetAsync(Keys.Auction, "left over", "x");
        var head = await HydrateAsync();
        Assert.Equal(new HotHead(0, head.EntryId), await HotState.ReadHeadAsync(AuctionId, None));
        Assert.Empty(await HotState.ReadPendingAsync(AuctionId, None));
        Assert.Equal(11, (await HashAsync()).Count);
    }

    [Fact]
    public async Task It_is_left_alone_where_it_has_moved_since_it_was_seen()
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
    public async Task It_is_left_alone_where_it_has_appeared_or_gone_or_is_another_of_that_version()
    {
        var head = await OpenHeadAsync();
        Assert.False(await HotState.HydrateAsync(AuctionId, new HotHead(0, head.EntryId), head, [], None));
        Assert.False(await Redis.KeyExistsAsync(Keys.Auction));

        await HydrateAsync();
        Assert.False(await HotState.HydrateAsync(AuctionId, null, head, [], None));
        Assert.False(await HotState.HydrateAsync(AuctionId, new HotHead(0, head.EntryId), head, [], None));
    }

    [Fact]
    public async Task Answers_come_back_and_replace_what_was_stored_under_their_keys()
    {
        var head = await HydrateAsync();
        var proposal = Proxy("ann", 50_00);
        var stored = await DecideAsync(proposal);
        var answer = DecidedBid.Decide(AuctionId, head, Guid.NewGuid(), proposal.Bid, 5);
        var refusal = DecidedBid.Decide(AuctionId, head, Guid.NewGuid(), Proxy("bob", 1).Bid, 6);
        Assert.NotEqual(stored, answer);

        var seen = await HotState.ReadHeadAsync(AuctionId, None);
        Assert.True(await HotState.HydrateAsync(AuctionId, seen, head, [answer, refusal], None));

        Assert.Equal(answer, await DecideAsync(proposal));
        Assert.Equal(refusal, await DecideAsync(new Proposal(Guid.NewGuid(), refusal.Bid, Guid.Empty, Limited: false)));
        Assert.InRange((await AnswersTimeToLiveAsync()).TotalHours, 23.9, 48);
    }
}

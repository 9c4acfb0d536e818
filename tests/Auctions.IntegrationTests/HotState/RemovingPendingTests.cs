using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

public sealed class RemovingPendingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task Entries_in_the_ledger_are_no_longer_pending()
    {
        await HydrateAsync();
        var first = await DecideAsync(Proxy("ann", 50_00));
        var second = await DecideAsync(Proxy("bob", 60_00));
        await HotState.RemovePendingAsync(AuctionId, [first.Version], None);
        Assert.Equal([second], await HotState.ReadPendingAsync(AuctionId, None));
        await HotState.RemovePendingAsync(AuctionId, [first.Version, second.Version], None);
        Assert.False(await Redis.KeyExistsAsync(Keys.Pending));
    }

    [Fact]
    public async Task Entries_are_removed_by_version_and_others_stay_pending()
    {
        await HydrateAsync();
        var (ann, bob) = (await DecideAsync(Proxy("ann", 50_00)), await DecideAsync(Proxy("bob", 60_00)));
        await HotState.RemovePendingAsync(AuctionId, [ann.Version, bob.Version + 1], None);
        Assert.Equal([bob], await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Fact]
    public async Task No_versions_remove_nothing()
    {
        await HydrateAsync();
        var decided = await DecideAsync(Proxy("ann", 50_00));
        await HotState.RemovePendingAsync(AuctionId, [], None);
        Assert.Equal([decided], await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Fact]
    public async Task Pending_entries_are_read_in_version_order()
    {
        await HydrateAsync();
        var bids = Enumerable.Range(1, 120).Select(i => Proxy($"bidder-{i}", 10_00 + i * 5_00)).ToArray();
        var decided = (await HotState.DecideAsync(AuctionId, bids, None))!.Bids;
        Assert.All(decided, d => Assert.True(d.Accepted));
        Assert.Equal(decided, await HotState.ReadPendingAsync(AuctionId, None));
    }
}

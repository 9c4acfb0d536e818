using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>The index of the auctions with something pending, which stands beside them in their shard.</summary>
public sealed class PendingIndexTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task An_auction_is_in_the_index_while_something_is_pending()
    {
        await HydrateAsync();
        Assert.False(await IsIndexedAsync(AuctionId));
        var (ann, bob) = (await DecideAsync(Proxy("ann", 50_00)), await DecideAsync(Proxy("bob", 60_00)));
        Assert.True(await IsIndexedAsync(AuctionId));

        await HotState.RemovePendingAsync(AuctionId, [ann.Version], None);
        Assert.True(await IsIndexedAsync(AuctionId));
        await HotState.RemovePendingAsync(AuctionId, [bob.Version], None);
        Assert.False(await IsIndexedAsync(AuctionId));
        Assert.False(await Redis.KeyExistsAsync(Keys.PendingIndex));
    }

    [Fact]
    public async Task Hydration_leaves_the_index_and_a_drop_does_not()
    {
        await HydrateAsync();
        var decided = await DecideAsync(Proxy("ann", 50_00));
        Assert.True(await HotState.DropIfBehindAsync(AuctionId, decided.Version + 1, Guid.NewGuid(), 0, None));
        Assert.True(await IsIndexedAsync(AuctionId));
        await HydrateAsync();
        Assert.False(await IsIndexedAsync(AuctionId));
    }

    [Fact]
    public async Task A_rejected_bid_is_not_pending()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 1));
        Assert.False(await IsIndexedAsync(AuctionId));
    }

    [Fact]
    public async Task A_full_look_finds_what_the_index_misses()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        await Redis.KeyDeleteAsync(Keys.PendingIndex);
        Assert.False(await IsIndexedAsync(AuctionId));

        Assert.InRange(await HotState.RepairPendingIndexAsync(None), 1, int.MaxValue);
        Assert.True(await IsIndexedAsync(AuctionId));
    }

    [Theory]
    [InlineData("by hand")]
    [InlineData("00000000-0000-0000-0000-00000000000")]
    public async Task A_member_that_is_no_auction_of_the_shard_is_removed(string member)
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        var stranger = Guid.NewGuid();
        while (HotKeys.ShardOf(stranger) == HotKeys.ShardOf(AuctionId)) stranger = Guid.NewGuid();
        await Redis.SetAddAsync(Keys.PendingIndex, [member, $"{stranger}", $"{AuctionId}".ToUpperInvariant()]);

        Assert.True(await IsIndexedAsync(AuctionId));
        Assert.Equal([(RedisValue)$"{AuctionId}"], await Redis.SetMembersAsync(Keys.PendingIndex));
    }

    [Fact]
    public async Task Pending_entries_of_the_earlier_layout_are_taken_over()
    {
        await HydrateAsync();
        var decided = await DecideAsync(Proxy("ann", 50_00));
        RedisKey earlier = $"auction:{{{AuctionId}}}:pending";
        await Redis.HashSetAsync(earlier, decided.Version, DecisionLine.Format(decided));
        await Redis.KeyDeleteAsync([Keys.Auction, Keys.Pending, Keys.PendingIndex]);

        await HotState.RepairPendingIndexAsync(None);

        Assert.True(await IsIndexedAsync(AuctionId));
        Assert.Equal([decided], await HotState.ReadPendingAsync(AuctionId, None));
        Assert.False(await Redis.KeyExistsAsync(earlier));
    }

    /// <summary>
    /// A hydration that read the pending entries before the takeover must not remove what came with it.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hydration_on_its_way_does_not_remove_what_was_taken_over(bool isInRedis)
    {
        if (isInRedis) await HydrateAsync();
        var seen = await HotState.ReadHeadAsync(AuctionId, None);
        var head = await OpenHeadAsync();
        await Redis.HashSetAsync($"auction:{{{AuctionId}}}:pending", "1", "a line");
        await HotState.RepairPendingIndexAsync(None);

        Assert.False(await HotState.HydrateAsync(AuctionId, seen, head, [], None));
        Assert.Equal("a line", await Redis.HashGetAsync(Keys.Pending, "1"));
        Assert.Null(await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00)], None));
        await HydrateAsync();
        Assert.False(await Redis.KeyExistsAsync(Keys.Pending));
    }

    /// <summary>Thousands of a hot auction's entries may be removed at once.</summary>
    [Fact]
    public async Task Any_number_of_versions_can_be_removed()
    {
        await HotState.RemovePendingAsync(AuctionId, [.. Enumerable.Range(1, 20_000).Select(i => (long)i)], None);
        Assert.False(await IsIndexedAsync(AuctionId));
    }

    private async Task<bool> IsIndexedAsync(Guid auctionId) =>
        (await HotState.ReadPendingIndexAsync(None)).Contains(auctionId);
}

using Auctions.Core;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

/// <summary>Ann's bid is version 1, Bob's is version 2.</summary>
public sealed class DroppingTests(RedisServer server) : HotStateTest(server)
{
    private DecidedBid _ann = null!, _bob = null!;

    [Fact]
    public async Task An_auction_that_agrees_with_the_ledger_stays()
    {
        await BidAsync();
        await AssertStaysAsync(1, _ann.Id);
        await AssertStaysAsync(2, _bob.Id);
        await HotState.RemovePendingAsync(AuctionId, [_ann.Version], None);
        await AssertStaysAsync(1, _ann.Id);
    }

    [Fact]
    public async Task An_auction_behind_the_ledger_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(3, Guid.NewGuid());
    }

    [Fact]
    public async Task An_auction_with_another_head_at_that_version_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(2, Guid.NewGuid());
    }

    [Fact]
    public async Task An_auction_with_another_entry_below_the_head_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(1, Guid.NewGuid());
    }

    [Fact]
    public async Task An_auction_that_was_hydrated_before_an_outside_entry_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(2, _bob.Id, outsideVersion: 1);
    }

    [Fact]
    public async Task An_auction_that_was_hydrated_since_stays()
    {
        await BidAsync();
        var head = await HydrateAsync(h => h with { Version = 7 });
        await AssertStaysAsync(7, head.EntryId, outsideVersion: 7);
        await AssertDroppedAsync(7, head.EntryId, outsideVersion: 8);
    }

    [Theory]
    [InlineData("version")]
    [InlineData("head")]
    [InlineData("hydrated_version")]
    public async Task An_auction_without_a_version_or_head_is_dropped(string field)
    {
        await BidAsync();
        await Redis.HashDeleteAsync(Keys.Auction, field);
        await AssertDroppedAsync(2, _bob.Id);
    }

    private async Task BidAsync()
    {
        await HydrateAsync();
        _ann = await DecideAsync(Proxy("ann", 50_00));
        _bob = await DecideAsync(Proxy("bob", 60_00));
    }

    private async Task AssertStaysAsync(long version, Guid entryId, long outsideVersion = 0)
    {
        var hash = await HashAsync();
        Assert.False(await HotState.DropIfBehindAsync(AuctionId, version, entryId, outsideVersion, None));
        Assert.Equal(hash, await HashAsync());
    }

    private async Task AssertDroppedAsync(long version, Guid entryId, long outsideVersion = 0)
    {
        var pending = await HotState.ReadPendingAsync(AuctionId, None);
        Assert.True(await HotState.DropIfBehindAsync(AuctionId, version, entryId, outsideVersion, None));
        Assert.False(await Redis.KeyExistsAsync(Keys.Auction));
        Assert.Equal(pending, await HotState.ReadPendingAsync(AuctionId, None));
    }
}

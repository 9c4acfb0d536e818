using Auctions.Core;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

/// <summary>Ann's bid is version 1 here, Bob's is version 2.</summary>
public sealed class DroppingTests(RedisServer server) : HotStateTest(server)
{
    private DecidedBid _ann = null!, _bob = null!;

    [Fact]
    public async Task What_the_ledger_has_as_well_stays()
    {
        await BidAsync();
        await AssertStaysAsync(1, _ann.Id);
        await AssertStaysAsync(2, _bob.Id);
        await HotState.RemovePendingAsync(AuctionId, [_ann.Version], None);
        await AssertStaysAsync(1, _ann.Id);
    }

    [Fact]
    public async Task What_is_behind_the_ledger_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(3, Guid.NewGuid());
    }

    [Fact]
    public async Task Another_head_of_that_version_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(2, Guid.NewGuid());
    }

    [Fact]
    public async Task Another_entry_of_that_version_below_the_head_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(1, Guid.NewGuid());
    }

    [Fact]
    public async Task What_was_not_hydrated_since_an_entry_from_outside_is_dropped()
    {
        await BidAsync();
        await AssertDroppedAsync(2, _bob.Id, outsideVersion: 1);
    }

    [Fact]
    public async Task What_was_hydrated_since_stays()
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
    public async Task What_does_not_say_where_it_stands_is_dropped(string field)
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

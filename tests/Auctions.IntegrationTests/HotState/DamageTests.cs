using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

/// <summary>Keys that somebody edited by hand count as missing, and hydration repairs them.</summary>
public sealed class DamageTests(RedisServer server) : HotStateTest(server)
{
    public static TheoryData<string> Fields =>
    [
        "terms", "status", "price", "ceiling", "leader", "end_us", "extensions", "bid_count", "version", "head",
        "hydrated_version", "decided_us",
    ];

    [Fact]
    public async Task A_missing_auction_is_a_miss_for_every_call()
    {
        Assert.Null(await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00)], None));
        Assert.Null(await HotState.ReadHeadAsync(AuctionId, None));
        Assert.False(await HotState.SealAsync(AuctionId, None));
        Assert.Empty(await HotState.ReadPendingAsync(AuctionId, None));
        Assert.False(await HotState.DropIfBehindAsync(AuctionId, 1, Guid.NewGuid(), 0, None));
        Assert.False(await Redis.KeyExistsAsync(Keys.Auction));
    }

    [Theory]
    [MemberData(nameof(Fields))]
    public async Task A_hash_without_a_field_is_a_miss_and_is_hydrated(string field)
    {
        await HydrateAsync();
        Assert.True(await Redis.HashDeleteAsync(Keys.Auction, field));
        await AssertMissThenHydratedAsync();
    }

    [Theory]
    [InlineData("status", "open")]
    [InlineData("price", "")]
    [InlineData("price", "nan")]
    [InlineData("price", "-1")]
    [InlineData("price", "1e3")]
    [InlineData("price", "0x10")]
    [InlineData("ceiling", "9007199254740992")]
    [InlineData("end_us", "soon")]
    [InlineData("extensions", "1.5")]
    [InlineData("bid_count", "many")]
    [InlineData("leader", "ann 5")]
    [InlineData("version", "one")]
    [InlineData("version", "-1")]
    [InlineData("head", "somewhere")]
    [InlineData("hydrated_version", "x")]
    [InlineData("terms", "")]
    [InlineData("terms", "seller USD 1000 0 0 0 0 0 1")]
    [InlineData("terms", "seller USD 1000 0 0 0 0 0 1 fixed:1 2")]
    [InlineData("terms", "seller USD -5 0 0 0 0 0 1 fixed:1")]
    [InlineData("terms", "seller USD 9007199254740992 0 0 0 0 0 1 fixed:1")]
    [InlineData("terms", "seller USD 1000 0 0 0 0 0 1 fixed:x")]
    [InlineData("terms", "seller USD 1000 0 0 0 0 0 1 ladder:x:")]
    [InlineData("terms", "seller USD 1000 0 0 0 0 0 1 ladder:x:5=5")]
    public async Task A_hash_with_an_unreadable_field_is_a_miss_and_is_hydrated(string field, string value)
    {
        await HydrateAsync();
        await Redis.HashSetAsync(Keys.Auction, field, value);
        await AssertMissThenHydratedAsync();
    }

    [Theory]
    [InlineData("version", "007")]
    [InlineData("version", "99999999999999999999")]
    [InlineData("head", "3F2504E0-4F89-11D3-9A0C-0305E82C3301")]
    public async Task A_head_in_another_format_does_not_stop_hydration(string field, string value)
    {
        await HydrateAsync();
        await Redis.HashSetAsync(Keys.Auction, field, value);
        Assert.Null(await HotState.ReadHeadAsync(AuctionId, None));
        await HydrateAsync();
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 50_00))).Outcome);
    }

    [Fact]
    public async Task A_key_of_another_type_is_a_miss_and_is_hydrated()
    {
        await Redis.StringSetAsync(Keys.Auction, "by hand");
        await Redis.StringSetAsync(Keys.Pending, "by hand");
        Assert.False(await HotState.SealAsync(AuctionId, None));
        Assert.Empty(await HotState.ReadPendingAsync(AuctionId, None));
        await AssertMissThenHydratedAsync();
    }

    [Fact]
    public async Task A_key_of_another_type_is_dropped()
    {
        await Redis.StringSetAsync(Keys.Auction, "by hand");
        Assert.True(await HotState.DropIfBehindAsync(AuctionId, 1, Guid.NewGuid(), 0, None));
        Assert.False(await Redis.KeyExistsAsync(Keys.Auction));
    }

    [Fact]
    public async Task An_unreadable_pending_entry_is_skipped()
    {
        await HydrateAsync();
        var decided = await DecideAsync(Proxy("ann", 50_00));
        await Redis.HashSetAsync(Keys.Pending, [new("2", "nonsense"), new("3", DecisionLine.Format(decided))]);
        Assert.Equal([decided], await HotState.ReadPendingAsync(AuctionId, None));
    }

    private async Task AssertMissThenHydratedAsync()
    {
        Assert.Null(await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00)], None));
        Assert.Empty(await HotState.ReadPendingAsync(AuctionId, None));
        await HydrateAsync();
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 50_00))).Outcome);
        Assert.Single(await HotState.ReadPendingAsync(AuctionId, None));
    }
}

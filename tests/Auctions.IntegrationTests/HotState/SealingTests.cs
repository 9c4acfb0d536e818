using Auctions.Core;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

public sealed class SealingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task A_sealed_auction_rejects_bids_before_its_end_too()
    {
        await HydrateAsync();
        Assert.True(await HotState.SealAsync(AuctionId, None));
        var decided = await DecideAsync(Proxy("ann", 50_00));
        Assert.Equal((RejectionReason.Ended, AuctionStatus.Ended), (decided.Reason, decided.Before.Status));
        Assert.True(await HotState.SealAsync(AuctionId, None));
    }

    [Fact]
    public async Task Sealing_changes_only_the_status()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        var hash = await HashAsync();
        await HotState.SealAsync(AuctionId, None);
        hash["status"] = "ended";
        Assert.Equal(hash, await HashAsync());
        Assert.Single(await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Theory]
    [InlineData(AuctionStatus.Cancelled, "cancelled")]
    [InlineData(AuctionStatus.Bought, "bought")]
    public async Task A_cancelled_or_bought_auction_stays_so(AuctionStatus status, string word)
    {
        await HydrateAsync(h => h with { State = h.State with { Status = status } });
        Assert.True(await HotState.SealAsync(AuctionId, None));
        Assert.Equal(word, (await HashAsync())["status"]);
    }
}

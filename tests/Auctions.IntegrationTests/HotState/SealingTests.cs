using Auctions.Core;
using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.HotState;

public sealed class SealingTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task An_auction_is_not_sealed_before_its_end_and_returns_the_end()
    {
        var head = await HydrateAsync();
        var before = await NowUsAsync();
        var attempt = await HotState.SealAsync(AuctionId, force: false, None);
        Assert.False(attempt!.Value.Sealed);
        Assert.Equal(head.State.EndUs, attempt.Value.EndUs);
        Assert.InRange(attempt.Value.NowUs, before, await NowUsAsync());
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 50_00))).Outcome);
    }

    [Fact]
    public async Task An_auction_is_sealed_after_its_end()
    {
        var head = await HydrateAsync(h => h with { State = h.State with { EndUs = h.State.EndUs - Hour } });
        var attempt = await HotState.SealAsync(AuctionId, force: false, None);
        Assert.True(attempt!.Value.Sealed);
        Assert.Equal(head.State.EndUs, attempt.Value.EndUs);
        Assert.Equal("ended", (await HashAsync())["status"]);
        Assert.True((await HotState.SealAsync(AuctionId, force: false, None))!.Value.Sealed);
    }

    [Fact]
    public async Task A_forced_seal_before_the_end_rejects_later_bids()
    {
        await HydrateAsync();
        Assert.True((await HotState.SealAsync(AuctionId, force: true, None))!.Value.Sealed);
        var decided = await DecideAsync(Proxy("ann", 50_00));
        Assert.Equal((RejectionReason.Ended, AuctionStatus.Ended), (decided.Reason, decided.Before.Status));
    }

    [Fact]
    public async Task Sealing_changes_only_the_status()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        var hash = await HashAsync();
        await HotState.SealAsync(AuctionId, force: true, None);
        hash["status"] = "ended";
        Assert.Equal(hash, await HashAsync());
        Assert.Single(await HotState.ReadPendingAsync(AuctionId, None));
    }

    [Fact]
    public async Task A_cancelled_auction_stays_cancelled()
    {
        await HydrateAsync(h => h with { State = h.State with { Status = AuctionStatus.Cancelled } });
        Assert.True((await HotState.SealAsync(AuctionId, force: true, None))!.Value.Sealed);
        Assert.Equal("cancelled", (await HashAsync())["status"]);
    }
}

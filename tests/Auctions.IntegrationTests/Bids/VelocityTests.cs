using static Auctions.IntegrationTests.Bids.BiddingStack;

namespace Auctions.IntegrationTests.Bids;

public sealed class VelocityTests : IAsyncLifetime
{
    private BiddingStack _stack = null!;
    private Guid _auction;

    public async Task InitializeAsync()
    {
        // The window is longer than any test takes.
        _stack = await BiddingStack.StartAsync(settings: "--HotState:VelocityWindow=01:00:00");
        _auction = await _stack.OpenAsync();
    }

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_bid_over_the_limit_is_rejected_with_and_without_Redis_and_not_recorded(bool withRedis)
    {
        if (!withRedis) await _stack.Redis.Process.KillAsync();
        for (var i = 0; i < 10; i++) await BidAsync(200 + i);

        var (rejected, key) = (await BidAsync(900), Guid.NewGuid());
        var again = await BidAsync(900, key);

        Assert.Equal((V1.BidOutcome.Rejected, V1.RejectionReason.Velocity),
            (rejected.Outcome, rejected.RejectionReason));
        Assert.Equal((V1.RejectionReason.Velocity, 10L), (again.RejectionReason, again.State.Version));
        Assert.Equal(10, (await _stack.AuditedAsync(_auction)).Answers.Count);

        // Nothing was recorded under the key. With a token that is exempt from the limit, it is a new bid.
        Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(_auction, "ann", 900, key)).Outcome);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Bids_that_are_too_low_lock_nobody_out_with_and_without_Redis(bool withRedis)
    {
        if (!withRedis) await _stack.Redis.Process.KillAsync();
        for (var i = 0; i < 12; i++)
            Assert.Equal(V1.RejectionReason.TooLow, (await BidAsync(1 + i)).RejectionReason);
        for (var i = 0; i < 10; i++) Assert.Equal(V1.BidOutcome.Leading, (await BidAsync(200 + i)).Outcome);
        Assert.Equal(V1.RejectionReason.Velocity, (await BidAsync(900)).RejectionReason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_purchase_is_exempt_with_and_without_Redis(bool withRedis)
    {
        var auction = await _stack.OpenAsync(reserve: 5_00, buyNow: 9_00);
        if (!withRedis) await _stack.Redis.Process.KillAsync();
        for (var i = 0; i < 10; i++) await BidAsync(200 + i, auction: auction);
        Assert.Equal(V1.RejectionReason.Velocity, (await BidAsync(300, auction: auction)).RejectionReason);

        var request = new V1.BuyNowRequest { AuctionId = $"{auction}", IdempotencyKey = $"{Guid.NewGuid()}" };
        var bought = (await _stack.Client.BuyNowAsync(request, AsLimited("ann"))).Result;
        Assert.Equal(V1.BidOutcome.Leading, bought.Outcome);
    }

    [Fact]
    public async Task When_Redis_has_lost_the_times_of_the_bids_the_ledger_has_them()
    {
        for (var i = 0; i < 10; i++) await BidAsync(200 + i);
        await _stack.FlushRedisAsync();

        Assert.Equal(V1.RejectionReason.Velocity, (await BidAsync(900)).RejectionReason);
    }

    private async Task<V1.BidResult> BidAsync(long cents, Guid? key = null, Guid? auction = null) =>
        (await _stack.Client.PlaceBidAsync(Proxy(auction ?? _auction, cents, key), AsLimited("ann"))).Result;
}

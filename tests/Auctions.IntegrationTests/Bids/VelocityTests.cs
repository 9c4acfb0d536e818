using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Bids;

public sealed class VelocityTests : IAsyncLifetime
{
    private BiddingStack _stack = null!;

    public async Task InitializeAsync() => _stack = await BiddingStack.StartAsync();

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_bids_too_fast_is_told_so_with_and_without_redis_and_it_is_not_recorded(bool withRedis)
    {
        var auction = await _stack.OpenAsync();
        if (!withRedis) await _stack.Redis.Process.KillAsync();
        for (var i = 0; i < 10; i++) await BidAsync(200 + i);

        var (refused, key) = (await BidAsync(900), Guid.NewGuid());
        var again = await BidAsync(900, key);

        Assert.Equal((V1.BidOutcome.Rejected, V1.RejectionReason.Velocity), (refused.Outcome, refused.RejectionReason));
        Assert.Equal((V1.RejectionReason.Velocity, 10L), (again.RejectionReason, again.State.Version));
        Assert.Equal(10, (await _stack.AuditedAsync(auction)).Answers.Count);

        // Nothing was recorded under the key: with a token that is exempt it is a bid like any other.
        Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(auction, "ann", 900, key)).Outcome);

        async Task<V1.BidResult> BidAsync(long cents, Guid? key = null) =>
            (await _stack.Client.PlaceBidAsync(BiddingStack.Proxy(auction, cents, key), BiddingStack.AsLimited("ann"))).Result;
    }

    [Fact]
    public async Task When_redis_has_forgotten_who_bid_the_ledger_tells_it()
    {
        var auction = await _stack.OpenAsync();
        for (var i = 0; i < 10; i++) await BidAsync(200 + i);
        await _stack.FlushRedisAsync();

        Assert.Equal(V1.RejectionReason.Velocity, (await BidAsync(900)).RejectionReason);

        async Task<V1.BidResult> BidAsync(long cents) =>
            (await _stack.Client.PlaceBidAsync(BiddingStack.Proxy(auction, cents), BiddingStack.AsLimited("ann"))).Result;
    }
}

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

    [Fact]
    public async Task When_Redis_has_lost_the_times_of_the_bids_the_ledger_has_them()
    {
        for (var i = 0; i < 10; i++) await BidAsync(200 + i);
        await _stack.FlushRedisAsync();

        Assert.Equal(V1.RejectionReason.Velocity, (await BidAsync(900)).RejectionReason);
    }

    private async Task<V1.BidResult> BidAsync(long cents, Guid? key = null) =>
        (await _stack.Client.PlaceBidAsync(Proxy(_auction, cents, key), AsLimited("ann"))).Result;
}

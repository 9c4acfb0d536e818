using System.Reflection;
using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.HotState;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.HotState;

/// <summary>What BiddingService takes out of what is pending, beside the path.</summary>
public sealed class PendingTrimmerTests(RedisServer server) : HotStateTest(server)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task However_many_auctions_there_are_and_whatever_is_wrong_with_one_all_others_are_settled()
    {
        var settlements = new PendingTrimmer(HotState, Interval, TimeProvider.System, NullLogger<PendingTrimmer>.Instance);
        await Redis.StringSetAsync(Keys.Pending, "an operator's");
        foreach (var round in (int[])[1, 2])
        {
            var auctions = Enumerable.Range(0, 300).Select(_ => Guid.NewGuid()).ToArray();
            var decisions = await Task.WhenAll(auctions.Select(DecideAsync));
            settlements.Add(AuctionId, [round]);
            foreach (var decided in decisions) settlements.Add(decided.AuctionId, [decided.Version]);

            await Eventually.TrueAsync(async () =>
                (await Task.WhenAll(auctions.Select(a => HotState.ReadPendingAsync(a, None)))).All(pending => pending.Count == 0));
        }
    }

    [Fact]
    public async Task A_defect_does_not_end_the_settling()
    {
        var failing = DispatchProxy.Create<IHotState, FailsOnce>();
        ((FailsOnce)failing).HotState = HotState;
        var settlements = new PendingTrimmer(failing, Interval, TimeProvider.System, NullLogger<PendingTrimmer>.Instance);
        settlements.Add(AuctionId, [1]);
        await Eventually.TrueAsync(() => Task.FromResult(((FailsOnce)failing).HasFailed));

        var auction = Guid.NewGuid();
        settlements.Add(auction, [(await DecideAsync(auction)).Version]);
        await Eventually.TrueAsync(async () => (await HotState.ReadPendingAsync(auction, None)).Count == 0);
    }

    /// <summary>The hot state, but for the first call.</summary>
    private class FailsOnce : DispatchProxy
    {
        private volatile bool _hasFailed;

        public IHotState? HotState { get; set; }

        public bool HasFailed => _hasFailed;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (_hasFailed) return targetMethod!.Invoke(HotState, args);
            _hasFailed = true;
            throw new InvalidOperationException("A defect.");
        }
    }

    private async Task<DecidedBid> DecideAsync(Guid auction)
    {
        Assert.True(await HotState.HydrateAsync(auction, null, await OpenHeadAsync(), [], None));
        var decided = Assert.Single((await HotState.DecideAsync(auction, [Proxy("ann", 50_00)], None))!.Bids);
        Assert.Single(await HotState.ReadPendingAsync(auction, None));
        return decided;
    }
}

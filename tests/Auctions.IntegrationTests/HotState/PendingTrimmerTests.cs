using System.Reflection;
using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.HotState;

/// <summary>How BiddingService removes pending entries, outside the path of a bid.</summary>
public sealed class PendingTrimmerTests(RedisServer server) : HotStateTest(server)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task A_damaged_auction_does_not_keep_the_pending_entries_of_others()
    {
        var trimmer = NewTrimmer(HotState);
        await Redis.StringSetAsync(Keys.Pending, "an operator's");
        foreach (var round in (int[])[1, 2])
        {
            var auctions = Enumerable.Range(0, 300).Select(_ => Guid.NewGuid()).ToArray();
            var decisions = await Task.WhenAll(auctions.Select(DecideAsync));
            trimmer.Add(AuctionId, [round]);
            foreach (var decided in decisions) trimmer.Add(decided.AuctionId, [decided.Version]);

            await Eventually.TrueAsync(async () =>
            {
                var pending = await Task.WhenAll(auctions.Select(a => HotState.ReadPendingAsync(a, None)));
                return pending.All(p => p.Count == 0);
            });
        }
    }

    [Fact]
    public async Task An_unexpected_exception_does_not_stop_the_trimmer()
    {
        var failing = DispatchProxy.Create<IHotState, FailsOnce>();
        ((FailsOnce)failing).HotState = HotState;
        var trimmer = NewTrimmer(failing);
        trimmer.Add(AuctionId, [1]);
        await Eventually.TrueAsync(() => Task.FromResult(((FailsOnce)failing).HasFailed));

        var auction = Guid.NewGuid();
        trimmer.Add(auction, [(await DecideAsync(auction)).Version]);
        await Eventually.TrueAsync(async () => (await HotState.ReadPendingAsync(auction, None)).Count == 0);
    }

    private static PendingTrimmer NewTrimmer(IHotState hotState) =>
        new(hotState, Interval, TimeProvider.System, NullLogger<PendingTrimmer>.Instance);

    /// <summary>The hot state, except that the first call fails.</summary>
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

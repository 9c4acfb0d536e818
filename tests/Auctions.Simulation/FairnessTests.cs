using Auctions.Core;
using Auctions.Platform.Chain;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Auctions.Simulation;

/// <summary>One lane, one auction that everyone bids on, and one that hardly anyone does.</summary>
public sealed class FairnessTests
{
    private const int Bids = 3_000;

    private readonly Steps _steps = new(new Random(1));
    private readonly SimulatedLedger _ledger;
    private readonly SimulatedRedis _redis;
    private int _answered;

    public FairnessTests()
    {
        _ledger = new SimulatedLedger(_steps, Guards.All);
        _redis = new SimulatedRedis(new SimulatedTime(_steps));
    }

    [Fact]
    public void A_hot_auction_keeps_no_other_waiting()
    {
        var options = new BiddingOptions { Lanes = 1, CommitEntriesMax = 50 };
        var (hot, cold) = (Open(), Open());
        var answeredMeanwhile = int.MaxValue;
        Under(() =>
        {
            var placeBid = NewPlaceBid(options);
            for (var i = 0; i < Bids; i++) _ = PlaceAsync(placeBid, hot, i);
            _steps.After(40_000, () => _ = ColdAsync(placeBid));
        });

        _steps.RunUntil(_steps.NowUs + 60_000_000);

        // What the lane holds of the hot auction, and what goes beside the cold one's bid, and no more.
        Assert.Equal(Bids + 1, _answered);
        Assert.InRange(answeredMeanwhile, 0, (2 * options.CommitEntriesMax) + options.DecideBidsMax + (4 * options.CommitEntriesMax));

        async Task ColdAsync(PlaceBid placeBid)
        {
            var before = _answered;
            await PlaceAsync(placeBid, cold, Bids);
            answeredMeanwhile = _answered - before;
        }
    }

    private async Task PlaceAsync(PlaceBid placeBid, Guid auctionId, int i)
    {
        var bid = new Bid($"b{i}", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 100 + (i * 10));
        await placeBid.PlaceAsync(new BidRequest(auctionId, bid, Limited: false), CancellationToken.None);
        _answered++;
    }

    private Guid Open()
    {
        var id = Guid.NewGuid();
        var terms = new Terms("seller", "USD", 100, 0, 0, new Increment.Fixed(10), SoftClose.None, 0);
        var head = new Head(0, Guid.NewGuid(), terms, AuctionState.Opened(AuctionStatus.Active, _steps.NowUs + 3_600_000_000));
        _ledger.Chains[id] = new Chain(head);
        _redis.Hydrate(id, null, head, []);
        return id;
    }

    private PlaceBid NewPlaceBid(BiddingOptions options)
    {
        var wire = new Wire(_steps, new Random(2), () => 0);
        var hotState = new WiredRedis(wire, () => _redis, Guards.All);
        var ledger = new WiredLedger(wire, _ledger, () => false, Guards.All);
        return new PlaceBid(hotState, ledger, new Recovery(hotState, ledger), options, new VelocityLimit(0, 0), new BiddingMetrics(),
            new SimulatedTime(_steps), NullLoggerFactory.Instance);
    }

    private void Under(Action action)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_steps);
        action();
        SynchronizationContext.SetSynchronizationContext(before);
    }
}

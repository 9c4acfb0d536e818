using BiddingService;
using Xunit;

namespace Auctions.Simulation;

/// <summary>One lane, one auction that everyone bids on, and one that hardly anyone does.</summary>
public sealed class FairnessTests
{
    private const int Bids = 3_000;
    private const long Minute = 60_000_000;

    private int _answered;

    [Fact]
    public void A_hot_auction_keeps_no_other_waiting()
    {
        var calm = new Calm();
        var options = new BiddingOptions { Lanes = 1, CommitEntriesMax = 50 };
        var (hot, cold) = (calm.Open(), calm.Open());
        var answeredMeanwhile = int.MaxValue;
        calm.Run(() =>
        {
            var placeBid = calm.NewInstance(options);
            for (var i = 0; i < Bids; i++) _ = PlaceAsync(placeBid, hot, i);
            calm.Steps.After(40_000, () => _ = ColdAsync(placeBid));
        }, Minute);

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
        await placeBid.PlaceAsync(Calm.Proxy(auctionId, $"b{i}", 100 + (i * 10)), CancellationToken.None);
        _answered++;
    }
}

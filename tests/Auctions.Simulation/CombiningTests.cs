using BiddingService;
using Xunit;

namespace Auctions.Simulation;

/// <summary>How far the decisions of one auction run ahead of the ledger, and in how large pieces (ADR 11).</summary>
public sealed class CombiningTests
{
    private const int Bids = 2_000;
    private const long Minute = 60_000_000;

    [Theory]
    [InlineData(20)]
    [InlineData(100)]
    [InlineData(500)]
    public void A_call_takes_as_many_as_are_on_their_way_and_does_not_wait_for_these(int usBetween)
    {
        var calm = new Calm();
        var auction = calm.Open();
        var options = new BiddingOptions();
        var committed = calm.Ledger.Chains[auction].AllAnswers;
        var calls = new List<(int Bids, int OnTheirWay)>();
        calm.Redis.Deciding += bids => calls.Add((bids, calls.Sum(c => c.Bids) - committed.Count));
        calm.Run(() =>
        {
            var placeBid = calm.NewInstance(options);
            for (var i = 0; i < Bids; i++)
            {
                var request = Calm.Proxy(auction, $"b{i}", 100 + (i * 10));
                calm.Steps.After(i * usBetween, () => _ = placeBid.PlaceAsync(request, CancellationToken.None));
            }
        }, Minute);

        Assert.Equal(Bids, committed.Count);
        Assert.All(calls, c => Assert.InRange(c.Bids, Math.Min(c.OnTheirWay, options.DecideBidsMax), options.DecideBidsMax));
        Assert.Contains(calls, c => c.OnTheirWay > 0);
    }
}

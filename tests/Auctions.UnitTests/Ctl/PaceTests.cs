using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class PaceTests
{
    [Fact]
    public void An_auction_is_open_for_thirty_seconds_unless_its_bids_need_more()
    {
        var pace = new Pace(null);

        Assert.Equal(TimeSpan.FromSeconds(30), pace.OpenFor(1));
        Assert.Equal(TimeSpan.FromSeconds(500), pace.OpenFor(1000));
    }

    [Fact]
    public void What_answers_take_decides_how_long_is_enough()
    {
        var pace = new Pace(null);
        for (var i = 0; i < 2000; i++) pace.Took(TimeSpan.FromMilliseconds(10));

        Assert.Equal(500, pace.OpenFor(10_000).TotalSeconds, tolerance: 1);
    }

    [Fact]
    public void A_fixed_time_is_kept()
    {
        Assert.Equal(TimeSpan.FromSeconds(5), new Pace(TimeSpan.FromSeconds(5)).OpenFor(1_000_000));
    }
}

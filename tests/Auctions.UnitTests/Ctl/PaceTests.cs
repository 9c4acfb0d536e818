using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class PaceTests
{
    [Fact]
    public void An_auction_is_open_for_thirty_seconds_unless_its_bids_need_more()
    {
        var pace = new Pace(null);

        Assert.Equal(TimeSpan.FromSeconds(30), pace.OpenFor(1));
        Assert.Equal(TimeSpan.FromSeconds(300), pace.OpenFor(1000));
    }

    [Fact]
    public void What_answers_take_decides_how_long_is_enough()
    {
        var pace = new Pace(null);
        for (var i = 0; i < 5000; i++) pace.Took(TimeSpan.FromMilliseconds(10));

        Assert.Equal(300, pace.OpenFor(10_000).TotalSeconds, tolerance: 20);
    }

    [Fact]
    public void What_waited_for_a_service_that_was_away_does_not_count_for_much()
    {
        var pace = new Pace(null);
        for (var i = 0; i < 1000; i++) pace.Took(TimeSpan.FromMilliseconds(10));
        for (var i = 0; i < 64; i++) pace.Took(TimeSpan.FromSeconds(20));

        Assert.InRange(pace.OpenFor(75).TotalSeconds, 30, 60);
    }

    [Fact]
    public void A_fixed_time_is_kept()
    {
        Assert.Equal(TimeSpan.FromSeconds(5), new Pace(TimeSpan.FromSeconds(5)).OpenFor(1_000_000));
    }
}

namespace Auctions.UnitTests.RulesTests;

/// <summary>A bid in the last 60 s moves the end to 120 s after the bid, at most three times.</summary>
public sealed class SoftCloseTests
{
    private const long WindowUs = 60_000_000, ExtensionUs = 120_000_000;

    private readonly Sale _sale =
        new(Sale.Plain with { SoftClose = new SoftClose(WindowUs, ExtensionUs, MaxExtensions: 3) });

    private (long EndUs, int Extensions) End => (_sale.State.EndUs, _sale.State.Extensions);

    [Fact]
    public void A_bid_at_the_start_of_the_window_moves_the_end()
    {
        _sale.NowUs = Sale.EndUs - WindowUs;
        _sale.Proxy("ann", 20_00);
        Assert.Equal((_sale.NowUs + ExtensionUs, 1), End);
    }

    [Fact]
    public void A_bid_a_microsecond_before_the_window_does_not_move_the_end()
    {
        _sale.NowUs = Sale.EndUs - WindowUs - 1;
        _sale.Proxy("ann", 20_00);
        Assert.Equal((Sale.EndUs, 0), End);
    }

    [Fact]
    public void A_bid_in_the_last_microsecond_moves_the_end()
    {
        _sale.NowUs = Sale.EndUs - 1;
        _sale.Proxy("ann", 20_00);
        Assert.Equal((Sale.EndUs - 1 + ExtensionUs, 1), End);
    }

    [Fact]
    public void The_end_moves_only_as_often_as_allowed()
    {
        for (var i = 1; i <= 4; i++)
        {
            _sale.NowUs = _sale.State.EndUs - 1;
            _sale.Direct("ann", 10_00 + i * 1_00);
        }

        Assert.Equal((Sale.EndUs + 3 * (ExtensionUs - 1), 3), End);
        Assert.Equal(4, _sale.State.BidCount);
    }

    [Fact]
    public void The_window_moves_with_the_end()
    {
        _sale.NowUs = Sale.EndUs - 1;
        _sale.Proxy("ann", 20_00);
        var end = End;
        _sale.NowUs = end.EndUs - WindowUs - 1;
        Assert.Equal(BidOutcome.Outbid, _sale.Proxy("bob", 15_00).Outcome);
        Assert.Equal(end, End);
    }

    [Theory]
    [InlineData(41, 0)]
    [InlineData(40, 0)]
    [InlineData(39, 1)]
    public void The_end_moves_only_to_a_later_time(int secondsLeft, int extensions)
    {
        var sale = new Sale(Sale.Plain with { SoftClose = new SoftClose(WindowUs, 40_000_000, 3) });
        sale.NowUs = Sale.EndUs - secondsLeft * 1_000_000L;
        sale.Proxy("ann", 20_00);
        Assert.Equal(extensions, sale.State.Extensions);
        Assert.Equal(extensions == 0 ? Sale.EndUs : sale.NowUs + 40_000_000, sale.State.EndUs);
    }

    [Fact]
    public void An_outbid_bid_and_a_raise_by_the_leader_move_the_end_too()
    {
        _sale.Proxy("ann", 50_00);
        _sale.NowUs = Sale.EndUs - 1;
        _sale.Proxy("bob", 20_00);
        Assert.Equal(1, _sale.State.Extensions);
        _sale.NowUs = _sale.State.EndUs - 1;
        _sale.Proxy("ann", 60_00);
        Assert.Equal(2, _sale.State.Extensions);
    }

    [Fact]
    public void A_rejected_bid_does_not_move_the_end()
    {
        _sale.NowUs = Sale.EndUs - 1;
        _sale.Rejects(RejectionReason.TooLow, s => s.Proxy("ann", 1));
    }

    [Fact]
    public void Without_soft_close_the_end_never_moves()
    {
        var sale = new Sale { NowUs = Sale.EndUs - 1 };
        sale.Proxy("ann", 20_00);
        Assert.Equal((Sale.EndUs, 0), (sale.State.EndUs, sale.State.Extensions));
    }
}

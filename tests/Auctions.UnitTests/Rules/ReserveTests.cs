namespace Auctions.UnitTests.RulesTests;

/// <summary>The reserve is 40.00, the opening price 10.00, the increment 1.00.</summary>
public sealed class ReserveTests
{
    private readonly Sale _sale = new(Sale.Plain with { Reserve = 40_00 });

    private bool ReserveMet => Rules.ReserveMet(_sale.Terms, _sale.State);

    [Fact]
    public void A_first_proxy_bid_that_reaches_the_reserve_lifts_the_price_to_it()
    {
        _sale.Proxy("ann", 40_00);
        _sale.Stands("ann", price: 40_00, ceiling: 40_00);
        Assert.True(ReserveMet);
    }

    [Fact]
    public void A_bid_below_the_reserve_leads_and_does_not_lift_the_price()
    {
        _sale.Proxy("ann", 39_99);
        _sale.Stands("ann", price: 10_00, ceiling: 39_99);
        Assert.False(ReserveMet);
    }

    [Fact]
    public void A_challenger_whose_ceiling_reaches_the_reserve_lifts_the_price_to_it()
    {
        _sale.Proxy("ann", 20_00);
        _sale.Proxy("bob", 70_00);
        _sale.Stands("bob", price: 40_00, ceiling: 70_00);
    }

    [Fact]
    public void A_leaders_new_ceiling_that_reaches_the_reserve_lifts_the_price_to_it()
    {
        _sale.Proxy("ann", 20_00);
        _sale.Proxy("ann", 70_00);
        _sale.Stands("ann", price: 40_00, ceiling: 70_00);
    }

    [Fact]
    public void A_direct_bid_above_the_reserve_keeps_its_own_amount()
    {
        _sale.Direct("ann", 45_00);
        _sale.Stands("ann", price: 45_00, ceiling: 45_00);
    }

    [Fact]
    public void A_direct_bid_below_the_reserve_does_not_meet_it()
    {
        _sale.Direct("ann", 39_99);
        _sale.Stands("ann", price: 39_99, ceiling: 39_99);
        Assert.False(ReserveMet);
    }

    [Fact]
    public void Two_bids_below_the_reserve_do_not_meet_it()
    {
        _sale.Proxy("ann", 39_99);
        _sale.Proxy("bob", 39_98);
        _sale.Stands("ann", price: 39_99, ceiling: 39_99);
        Assert.False(ReserveMet);
    }

    [Fact]
    public void A_reserve_that_is_met_does_not_lift_the_price_again()
    {
        _sale.Proxy("ann", 60_00);
        _sale.Proxy("bob", 50_00);
        _sale.Stands("ann", price: 51_00, ceiling: 60_00);
        _sale.Proxy("bob", 90_00);
        _sale.Stands("bob", price: 61_00, ceiling: 90_00);
    }

    [Fact]
    public void A_reserve_below_the_opening_price_does_not_lift_the_price()
    {
        var sale = new Sale(Sale.Plain with { Reserve = 5_00 });
        sale.Proxy("ann", 40_00);
        sale.Stands("ann", price: 10_00, ceiling: 40_00);
    }

    [Fact]
    public void The_leader_wins_only_if_the_reserve_is_met()
    {
        _sale.Proxy("ann", 39_99);
        Assert.Equal("", Rules.Winner(_sale.Terms, _sale.State));
        _sale.Proxy("bob", 41_00);
        Assert.Equal("bob", Rules.Winner(_sale.Terms, _sale.State));
        Assert.Equal("", Rules.Winner(_sale.Terms, _sale.State with { Status = AuctionStatus.Cancelled }));
    }

    [Fact]
    public void Nobody_wins_an_auction_without_a_bid()
    {
        var sale = new Sale();
        Assert.True(Rules.ReserveMet(sale.Terms, sale.State));
        Assert.Equal("", Rules.Winner(sale.Terms, sale.State));
    }
}

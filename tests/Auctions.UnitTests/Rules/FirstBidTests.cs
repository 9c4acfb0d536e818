namespace Auctions.UnitTests.RulesTests;

public sealed class FirstBidTests
{
    [Fact]
    public void A_first_bid_must_reach_the_opening_price()
    {
        var sale = new Sale();
        Assert.Equal(10_00, Rules.MinimumBid(sale.Terms, sale.State));
        sale.Rejects(RejectionReason.TooLow, s => s.Proxy("ann", 9_99));
        sale.Rejects(RejectionReason.TooLow, s => s.Direct("ann", 9_99));
    }

    [Fact]
    public void A_first_bid_at_the_opening_price_leads()
    {
        var proxy = new Sale();
        Assert.Equal(BidOutcome.Leading, proxy.Proxy("ann", 10_00).Outcome);
        proxy.Stands("ann", price: 10_00, ceiling: 10_00);

        var direct = new Sale();
        Assert.Equal(BidOutcome.Leading, direct.Direct("ann", 10_00).Outcome);
        direct.Stands("ann", price: 10_00, ceiling: 10_00);
    }

    [Fact]
    public void A_first_proxy_bid_leads_at_the_opening_price()
    {
        var sale = new Sale();
        sale.Proxy("ann", 75_00);
        sale.Stands("ann", price: 10_00, ceiling: 75_00);
    }

    [Fact]
    public void A_first_direct_bid_leads_at_its_own_amount()
    {
        var sale = new Sale();
        sale.Direct("ann", 75_00);
        sale.Stands("ann", price: 75_00, ceiling: 75_00);
    }

    [Fact]
    public void A_first_bid_with_amount_and_ceiling_leads_at_its_amount()
    {
        var sale = new Sale();
        sale.Proxy("ann", max: 75_00, amount: 30_00);
        sale.Stands("ann", price: 30_00, ceiling: 75_00);
    }

    [Fact]
    public void Only_the_ceiling_of_a_first_bid_must_reach_the_opening_price()
    {
        var sale = new Sale();
        sale.Proxy("ann", max: 75_00, amount: 5_00);
        sale.Stands("ann", price: 10_00, ceiling: 75_00);
    }

    [Fact]
    public void Every_accepted_bid_is_counted()
    {
        var sale = new Sale();
        sale.Proxy("ann", 20_00);
        sale.Proxy("bob", 15_00);
        sale.Rejects(RejectionReason.TooLow, s => s.Proxy("cid", 1));
        Assert.Equal(2, sale.State.BidCount);
    }
}

namespace Auctions.UnitTests.RulesTests;

/// <summary>Bids by somebody else than the leader. Ann leads at 10.00, her ceiling is 50.00; increment 1.00.</summary>
public sealed class ChallengeTests
{
    private readonly Sale _sale = new();

    public ChallengeTests() => _sale.Proxy("ann", 50_00);

    [Fact]
    public void A_later_bid_must_reach_the_price_plus_the_increment()
    {
        Assert.Equal(11_00, Rules.MinimumBid(_sale.Terms, _sale.State));
        _sale.Rejects(RejectionReason.TooLow, s => s.Proxy("bob", 10_99));
        _sale.Rejects(RejectionReason.TooLow, s => s.Direct("bob", 10_99));
        Assert.Equal(BidOutcome.Outbid, _sale.Proxy("bob", 11_00).Outcome);
    }

    [Theory]
    [InlineData(30_00, 31_00)]
    [InlineData(49_00, 50_00)]
    [InlineData(49_50, 50_00)]
    public void A_proxy_bid_below_the_standing_ceiling_raises_the_price_but_does_not_lead(long max, long price)
    {
        Assert.Equal(BidOutcome.Outbid, _sale.Proxy("bob", max).Outcome);
        _sale.Stands("ann", price, ceiling: 50_00);
    }

    [Fact]
    public void A_direct_bid_below_the_standing_ceiling_is_outbid_like_a_proxy_bid()
    {
        Assert.Equal(BidOutcome.Outbid, _sale.Direct("bob", 30_00).Outcome);
        _sale.Stands("ann", price: 31_00, ceiling: 50_00);
    }

    [Fact]
    public void On_equal_ceilings_the_earlier_bid_leads()
    {
        Assert.Equal(BidOutcome.Outbid, _sale.Proxy("bob", 50_00).Outcome);
        _sale.Stands("ann", price: 50_00, ceiling: 50_00);
    }

    [Fact]
    public void A_direct_bid_equal_to_the_standing_ceiling_is_outbid_too()
    {
        Assert.Equal(BidOutcome.Outbid, _sale.Direct("bob", 50_00).Outcome);
        _sale.Stands("ann", price: 50_00, ceiling: 50_00);
    }

    [Theory]
    [InlineData(80_00, 51_00)]
    [InlineData(51_00, 51_00)]
    [InlineData(50_40, 50_40)]
    [InlineData(50_01, 50_01)]
    public void A_proxy_bid_above_the_standing_ceiling_leads_at_the_lowest_price_that_leads(long max, long price)
    {
        Assert.Equal(BidOutcome.Leading, _sale.Proxy("bob", max).Outcome);
        _sale.Stands("bob", price, ceiling: max);
    }

    [Fact]
    public void A_direct_bid_above_the_standing_ceiling_sets_the_price_to_its_own_amount()
    {
        Assert.Equal(BidOutcome.Leading, _sale.Direct("bob", 80_00).Outcome);
        _sale.Stands("bob", price: 80_00, ceiling: 80_00);
    }

    [Theory]
    [InlineData(60_00, 60_00)]
    [InlineData(80_00, 80_00)]
    [InlineData(20_00, 51_00)]
    public void A_bid_with_amount_and_ceiling_leads_at_least_at_its_amount(long amount, long price)
    {
        Assert.Equal(BidOutcome.Leading, _sale.Proxy("bob", max: 80_00, amount).Outcome);
        _sale.Stands("bob", price, ceiling: 80_00);
    }

    [Fact]
    public void A_bid_with_amount_and_ceiling_is_outbid_by_its_ceiling()
    {
        Assert.Equal(BidOutcome.Outbid, _sale.Proxy("bob", max: 40_00, amount: 20_00).Outcome);
        _sale.Stands("ann", price: 41_00, ceiling: 50_00);
    }

    [Fact]
    public void The_increment_above_a_rivals_ceiling_depends_on_the_ceiling_and_not_on_the_price()
    {
        var sale = new Sale(Sale.Plain with { Increment = Increment.EbayUs });
        sale.Proxy("ann", 600_00);
        sale.Proxy("bob", 900_00);
        sale.Stands("bob", price: 610_00, ceiling: 900_00);
        sale.Proxy("cid", 700_00);
        sale.Stands("bob", price: 710_00, ceiling: 900_00);
    }

    [Fact]
    public void A_former_leader_challenges_like_anyone_else()
    {
        _sale.Proxy("bob", 80_00);
        Assert.Equal(BidOutcome.Outbid, _sale.Proxy("ann", 60_00).Outcome);
        _sale.Stands("bob", price: 61_00, ceiling: 80_00);
    }
}

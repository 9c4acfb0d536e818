namespace Auctions.UnitTests.RulesTests;

/// <summary>Near 2^53 - 1, the largest amount that Lua's doubles hold exactly.</summary>
public sealed class LargeAmountTests
{
    private const long Most = Currency.MaxAmount;

    [Fact]
    public void The_minimum_bid_saturates_just_above_the_largest_amount()
    {
        var sale = new Sale();
        sale.Direct("ann", Most);
        Assert.Equal(Most + 1, Rules.MinimumBid(sale.Terms, sale.State));
        sale.Rejects(RejectionReason.TooLow, s => s.Direct("bob", Most));
        sale.Rejects(RejectionReason.CeilingNotRaised, s => s.Proxy("ann", Most));
    }

    [Fact]
    public void The_price_never_exceeds_the_ceiling_of_the_leader()
    {
        var sale = new Sale();
        sale.Proxy("ann", Most);
        sale.Proxy("bob", Most - 1);
        sale.Stands("ann", Most, Most);
    }

    [Fact]
    public void A_bid_one_minor_unit_higher_leads()
    {
        var sale = new Sale();
        sale.Proxy("ann", Most - 1);
        Assert.Equal(BidOutcome.Leading, sale.Proxy("bob", Most).Outcome);
        sale.Stands("bob", Most, Most);
    }

    [Fact]
    public void The_largest_increment_on_the_largest_price_does_not_overflow()
    {
        Assert.Equal(Most + 1, new Increment.Fixed(Most).Above(Most));
        Assert.Equal(Most + 1, new Increment.BasisPoints(Increment.BasisPoints.Max).Above(Most));
        Assert.Equal(Most + 1, new Increment.Ladder("steep", (0, 1), (Most, Most)).Above(Most));
    }
}

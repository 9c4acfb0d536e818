namespace Auctions.UnitTests.RulesTests;

/// <summary>Bids by the leader. Ann leads at 10.00, her ceiling is 50.00; increment 1.00.</summary>
public sealed class RaiseTests
{
    private readonly Sale _sale = new();

    public RaiseTests() => _sale.Proxy("ann", 50_00);

    [Theory]
    [InlineData(50_00)]
    [InlineData(49_99)]
    [InlineData(5_00)]
    public void A_leaders_new_ceiling_must_be_above_the_old_one(long max) =>
        _sale.Rejects(RejectionReason.CeilingNotRaised, s => s.Proxy("ann", max));

    [Theory]
    [InlineData(50_01)]
    [InlineData(90_00)]
    public void A_leaders_new_ceiling_does_not_move_the_price(long max)
    {
        Assert.Equal(BidOutcome.Leading, _sale.Proxy("ann", max).Outcome);
        _sale.Stands("ann", price: 10_00, ceiling: max);
        Assert.Equal(2, _sale.State.BidCount);
    }

    [Theory]
    [InlineData(20_00, 20_00)]
    [InlineData(5_00, 10_00)]
    public void A_leaders_bid_with_amount_and_ceiling_raises_the_price_to_its_amount(long amount, long price)
    {
        Assert.Equal(BidOutcome.Leading, _sale.Proxy("ann", max: 60_00, amount).Outcome);
        _sale.Stands("ann", price, ceiling: 60_00);
    }

    [Fact]
    public void A_leaders_direct_bid_raises_the_price_and_keeps_the_ceiling()
    {
        Assert.Equal(BidOutcome.Leading, _sale.Direct("ann", 30_00).Outcome);
        _sale.Stands("ann", price: 30_00, ceiling: 50_00);
    }

    [Fact]
    public void A_leaders_direct_bid_above_the_ceiling_raises_both()
    {
        Assert.Equal(BidOutcome.Leading, _sale.Direct("ann", 60_00).Outcome);
        _sale.Stands("ann", price: 60_00, ceiling: 60_00);
    }

    [Fact]
    public void A_leaders_direct_bid_must_reach_the_price_plus_the_increment()
    {
        _sale.Rejects(RejectionReason.TooLow, s => s.Direct("ann", 10_99));
        Assert.Equal(BidOutcome.Leading, _sale.Direct("ann", 11_00).Outcome);
    }
}

namespace Auctions.UnitTests.RulesTests;

/// <summary>Buy-it-now at 80.00; opens at 10.00, the increment is 1.00.</summary>
public sealed class BuyNowTests
{
    private readonly Sale _sale = new(Sale.Plain with { BuyNow = 80_00 });
    private readonly Sale _reserved = new(Sale.Plain with { BuyNow = 80_00, Reserve = 40_00 });

    [Fact]
    public void A_purchase_sets_the_price_and_ends_the_auction_at_once()
    {
        _sale.NowUs = 5_000_000;
        Assert.Equal(BidOutcome.Leading, _sale.BuyNow("ann").Outcome);
        Assert.Equal(new AuctionState(AuctionStatus.Bought, 80_00, 80_00, "ann", 5_000_000, 0, 1), _sale.State);
        _sale.Rejects(RejectionReason.Ended, s => s.Proxy("bob", 90_00));
        _sale.NowUs--; // a clock that is behind does not undo it
        _sale.Rejects(RejectionReason.Ended, s => s.Proxy("bob", 90_00));
        Assert.False(Rules.CanBeBidOn(_sale.Terms, _sale.State));
    }

    [Fact]
    public void Soft_close_does_not_extend_a_purchase()
    {
        var terms = _sale.Terms with { SoftClose = new SoftClose(60_000_000, 60_000_000, 3) };
        var sale = new Sale(terms) { NowUs = Sale.EndUs - 1 };
        sale.BuyNow("ann");
        Assert.Equal((Sale.EndUs - 1, 0), (sale.State.EndUs, sale.State.Extensions));
    }

    [Fact]
    public void Nobody_can_buy_if_it_is_not_offered()
    {
        var sale = new Sale();
        Assert.False(Rules.BuyNowAvailable(sale.Terms, sale.State));
        sale.Rejects(RejectionReason.BuyNowNotOffered, s => s.BuyNow("ann"));
    }

    [Fact]
    public void The_first_bid_withdraws_it()
    {
        Assert.True(Rules.BuyNowAvailable(_sale.Terms, _sale.State));
        _sale.Proxy("ann", 20_00);
        Assert.False(Rules.BuyNowAvailable(_sale.Terms, _sale.State));
        _sale.Rejects(RejectionReason.BuyNowWithdrawn, s => s.BuyNow("bob"));
    }

    [Fact]
    public void It_stays_while_the_reserve_is_not_met()
    {
        _reserved.Proxy("ann", 20_00);
        Assert.True(Rules.BuyNowAvailable(_reserved.Terms, _reserved.State));
        Assert.Equal(BidOutcome.Leading, _reserved.BuyNow("bob").Outcome);
        _reserved.Stands("bob", price: 80_00, ceiling: 80_00);
        Assert.Equal("bob", Rules.Winner(_reserved.Terms, _reserved.State));
    }

    [Fact]
    public void It_is_withdrawn_once_the_reserve_is_met()
    {
        _reserved.Proxy("ann", 40_00);
        _reserved.Rejects(RejectionReason.BuyNowWithdrawn, s => s.BuyNow("bob"));
    }

    [Theory]
    [InlineData(79_99, true)]
    [InlineData(80_00, false)]
    public void A_standing_ceiling_at_its_price_withdraws_it_even_below_the_reserve(long ceiling, bool available)
    {
        // Without this, a buyer could take the lot for an amount that the leader offered earlier.
        var sale = new Sale(Sale.Plain with { BuyNow = 80_00, Reserve = 90_00 });
        sale.Proxy("ann", ceiling);
        Assert.Equal(available, Rules.BuyNowAvailable(sale.Terms, sale.State));
    }

    [Fact]
    public void The_leader_may_buy()
    {
        _reserved.Proxy("ann", 20_00);
        Assert.Equal(BidOutcome.Leading, _reserved.BuyNow("ann").Outcome);
        Assert.Equal(2, _reserved.State.BidCount);
    }
}

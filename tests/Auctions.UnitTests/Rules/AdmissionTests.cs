namespace Auctions.UnitTests.RulesTests;

public sealed class AdmissionTests
{
    [Fact]
    public void The_seller_cannot_bid()
    {
        var sale = new Sale(Sale.Plain with { BuyNow = 50_00 });
        sale.Rejects(RejectionReason.Seller, s => s.Proxy("seller", 20_00));
        sale.Rejects(RejectionReason.Seller, s => s.Direct("seller", 20_00));
        sale.Rejects(RejectionReason.Seller, s => s.BuyNow("seller"));
    }

    [Theory]
    [InlineData("EUR")]
    [InlineData("")]
    public void A_bid_in_another_currency_is_rejected(string currency)
    {
        var sale = new Sale();
        var direct = new Bid("ann", Guid.Empty, BidKind.Direct, currency, 20_00, 0);
        var proxy = new Bid("ann", Guid.Empty, BidKind.Proxy, currency, 0, 20_00);
        sale.Rejects(RejectionReason.WrongCurrency, s => s.Decide(direct));
        sale.Rejects(RejectionReason.WrongCurrency, s => s.Decide(proxy));
    }

    [Fact]
    public void A_purchase_needs_no_currency()
    {
        var sale = new Sale(Sale.Plain with { BuyNow = 50_00 });
        Assert.Equal(BidOutcome.Leading, sale.BuyNow("ann").Outcome);
    }

    [Fact]
    public void A_bid_before_the_start_is_rejected()
    {
        var scheduled = AuctionState.Opened(AuctionStatus.Scheduled, Sale.EndUs);
        var sale = new Sale { NowUs = Sale.StartUs - 1, State = scheduled };
        sale.Rejects(RejectionReason.NotStarted, s => s.Proxy("ann", 20_00));
    }

    [Fact]
    public void A_bid_at_the_start_is_accepted_and_makes_the_auction_active()
    {
        var scheduled = AuctionState.Opened(AuctionStatus.Scheduled, Sale.EndUs);
        var sale = new Sale { NowUs = Sale.StartUs, State = scheduled };
        Assert.Equal(BidOutcome.Leading, sale.Proxy("ann", 20_00).Outcome);
        Assert.Equal(AuctionStatus.Active, sale.State.Status);
    }

    [Fact]
    public void A_bid_in_the_last_microsecond_is_accepted()
    {
        var sale = new Sale { NowUs = Sale.EndUs - 1 };
        Assert.Equal(BidOutcome.Leading, sale.Proxy("ann", 20_00).Outcome);
    }

    [Theory]
    [InlineData(Sale.EndUs)]
    [InlineData(Sale.EndUs + 1)]
    public void A_bid_at_or_after_the_end_is_rejected(long nowUs)
    {
        var sale = new Sale { NowUs = nowUs };
        sale.Rejects(RejectionReason.Ended, s => s.Proxy("ann", 20_00));
    }

    [Theory]
    [InlineData(AuctionStatus.Ended, RejectionReason.Ended)]
    [InlineData(AuctionStatus.Cancelled, RejectionReason.Cancelled)]
    public void A_sealed_auction_rejects_bids_even_before_its_end(AuctionStatus status, RejectionReason reason)
    {
        var sale = new Sale { State = AuctionState.Opened(status, Sale.EndUs) };
        Assert.True(sale.State.IsOver);
        sale.Rejects(reason, s => s.Proxy("ann", 20_00));
    }

    [Fact]
    public void Reasons_are_checked_in_order()
    {
        // The bid breaks every rule. Each step fixes the reason that was just found.
        var sale = new Sale { NowUs = 0, State = AuctionState.Opened(AuctionStatus.Cancelled, endUs: 0) };
        var bid = new Bid("seller", Guid.Empty, BidKind.Direct, "EUR", 1, 0);

        sale.Rejects(RejectionReason.Cancelled, s => s.Decide(bid));
        sale.State = sale.State with { Status = AuctionStatus.Active };
        sale.Rejects(RejectionReason.Ended, s => s.Decide(bid));
        sale.State = sale.State with { EndUs = Sale.EndUs };
        sale.Rejects(RejectionReason.NotStarted, s => s.Decide(bid));
        sale.NowUs = Sale.StartUs;
        sale.Rejects(RejectionReason.Seller, s => s.Decide(bid));
        bid = bid with { Bidder = "ann" };
        sale.Rejects(RejectionReason.WrongCurrency, s => s.Decide(bid));
        bid = bid with { Currency = "USD" };
        sale.Rejects(RejectionReason.TooLow, s => s.Decide(bid));
    }
}

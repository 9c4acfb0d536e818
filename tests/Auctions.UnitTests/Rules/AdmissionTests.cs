namespace Auctions.UnitTests.RulesTests;

public sealed class AdmissionTests
{
    [Fact]
    public void The_seller_cannot_bid()
    {
        var sale = new Sale(Sale.Plain with { BuyNow = 50_00 });
        sale.Refuses(RejectionReason.Seller, s => s.Proxy("seller", 20_00));
        sale.Refuses(RejectionReason.Seller, s => s.Direct("seller", 20_00));
        sale.Refuses(RejectionReason.Seller, s => s.BuyNow("seller"));
    }

    [Theory]
    [InlineData("EUR")]
    [InlineData("")]
    public void A_bid_in_another_currency_is_refused(string currency)
    {
        var sale = new Sale();
        sale.Refuses(RejectionReason.WrongCurrency, s => s.Decide(new Bid("ann", Guid.Empty, BidKind.Direct, currency, 20_00, 0)));
        sale.Refuses(RejectionReason.WrongCurrency, s => s.Decide(new Bid("ann", Guid.Empty, BidKind.Proxy, currency, 0, 20_00)));
    }

    [Fact]
    public void A_purchase_names_no_currency()
    {
        var sale = new Sale(Sale.Plain with { BuyNow = 50_00 });
        Assert.Equal(BidOutcome.Leading, sale.BuyNow("ann").Outcome);
    }

    [Fact]
    public void A_bid_before_the_start_is_refused()
    {
        var sale = new Sale { NowUs = Sale.StartUs - 1, State = AuctionState.Opened(AuctionStatus.Scheduled, Sale.EndUs) };
        sale.Refuses(RejectionReason.NotStarted, s => s.Proxy("ann", 20_00));
    }

    [Fact]
    public void A_bid_at_the_start_is_taken_and_finds_the_auction_active()
    {
        var sale = new Sale { NowUs = Sale.StartUs, State = AuctionState.Opened(AuctionStatus.Scheduled, Sale.EndUs) };
        Assert.Equal(BidOutcome.Leading, sale.Proxy("ann", 20_00).Outcome);
        Assert.Equal(AuctionStatus.Active, sale.State.Status);
    }

    [Fact]
    public void A_bid_in_the_last_microsecond_is_taken()
    {
        var sale = new Sale { NowUs = Sale.EndUs - 1 };
        Assert.Equal(BidOutcome.Leading, sale.Proxy("ann", 20_00).Outcome);
    }

    [Theory]
    [InlineData(Sale.EndUs)]
    [InlineData(Sale.EndUs + 1)]
    public void A_bid_at_or_after_the_end_is_refused(long nowUs)
    {
        var sale = new Sale { NowUs = nowUs };
        sale.Refuses(RejectionReason.Ended, s => s.Proxy("ann", 20_00));
    }

    [Theory]
    [InlineData(AuctionStatus.Ended, RejectionReason.Ended)]
    [InlineData(AuctionStatus.Cancelled, RejectionReason.Cancelled)]
    public void A_sealed_auction_takes_no_bid_before_its_end_either(AuctionStatus status, RejectionReason reason)
    {
        var sale = new Sale { State = AuctionState.Opened(status, Sale.EndUs) };
        Assert.True(sale.State.IsOver);
        sale.Refuses(reason, s => s.Proxy("ann", 20_00));
    }

    [Fact]
    public void Reasons_are_looked_for_in_their_order()
    {
        // The bid breaks every rule; each step mends the one that was found.
        var sale = new Sale { NowUs = 0, State = AuctionState.Opened(AuctionStatus.Cancelled, endUs: 0) };
        var bid = new Bid("seller", Guid.Empty, BidKind.Direct, "EUR", 1, 0);

        sale.Refuses(RejectionReason.Cancelled, s => s.Decide(bid));
        sale.State = sale.State with { Status = AuctionStatus.Active };
        sale.Refuses(RejectionReason.Ended, s => s.Decide(bid));
        sale.State = sale.State with { EndUs = Sale.EndUs };
        sale.Refuses(RejectionReason.NotStarted, s => s.Decide(bid));
        sale.NowUs = Sale.StartUs;
        sale.Refuses(RejectionReason.Seller, s => s.Decide(bid));
        bid = bid with { Bidder = "ann" };
        sale.Refuses(RejectionReason.WrongCurrency, s => s.Decide(bid));
        bid = bid with { Currency = "USD" };
        sale.Refuses(RejectionReason.TooLow, s => s.Decide(bid));
    }
}

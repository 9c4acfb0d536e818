namespace Auctions.UnitTests;

public sealed class DecidedBidTests
{
    private static readonly Guid Auction = Guid.NewGuid(), Last = Guid.NewGuid(), Id = Guid.NewGuid();

    private static readonly Head Head =
        new(7, Last, Sale.Plain, new AuctionState(AuctionStatus.Active, 10_00, 50_00, "ann", Sale.EndUs, 0, 1),
            Sale.StartUs - 1);

    private static DecidedBid Decide(string bidder, BidKind kind, long amount, long max) =>
        DecidedBid.Decide(Auction, Head, Id, new Bid(bidder, Guid.NewGuid(), kind, "USD", amount, max), Sale.StartUs);

    [Theory]
    [InlineData(BidKind.Proxy, 0)]
    [InlineData(BidKind.Direct, 0)]
    [InlineData(BidKind.BuyNow, 1)] // it closes the auction
    public void A_decision_is_never_earlier_than_the_entry_before_it(BidKind kind, long laterUs)
    {
        var head = Head with { DecidedUs = Sale.StartUs + 500, Terms = Sale.Plain with { BuyNow = 90_00 } };
        var bid = new Bid("bob", Guid.NewGuid(), kind, "USD", 60_00, kind == BidKind.Proxy ? 60_00 : 0);
        var decided = DecidedBid.Decide(Auction, head, Id, bid, Sale.StartUs);
        Assert.Equal(Sale.StartUs + 500 + laterUs, decided.DecidedUs);
        Assert.Equal(Sale.StartUs + 501, DecidedBid.Decide(Auction, head, Id, bid, Sale.StartUs + 501).DecidedUs);
    }

    [Fact]
    public void An_accepted_bid_is_the_next_entry_on_top_of_the_head()
    {
        var decided = Decide("bob", BidKind.Proxy, 0, 60_00);
        Assert.True(decided.Accepted);
        Assert.Equal((Auction, Id, Last, 8L), (decided.AuctionId, decided.Id, decided.Prev, decided.Version));
        Assert.Equal(
            (Head.State, Sale.Plain.Digest, Sale.StartUs), (decided.Before, decided.TermsDigest, decided.DecidedUs));
        Assert.Equal("bob", decided.After.Leader);
    }

    [Fact]
    public void A_rejection_keeps_the_version_and_the_state_of_its_basis()
    {
        var decided = Decide("bob", BidKind.Proxy, 0, 1);
        Assert.False(decided.Accepted);
        Assert.Equal((Id, Last, 7L), (decided.Id, decided.Prev, decided.Version));
        Assert.Equal(decided.Before, decided.After);
    }

    [Fact]
    public void A_leading_bid_offers_its_price_and_hides_its_ceiling() =>
        Assert.Equal(51_00, Decide("bob", BidKind.Proxy, 0, 60_00).Offered);

    [Fact]
    public void An_outbid_or_rejected_bid_offers_its_limit()
    {
        Assert.Equal(30_00, Decide("bob", BidKind.Proxy, 0, 30_00).Offered);
        Assert.Equal(20_00, Decide("bob", BidKind.Direct, 20_00, 0).Offered);
        Assert.Equal(1, Decide("bob", BidKind.Direct, 1, 0).Offered);
    }
}

namespace Auctions.UnitTests;

public sealed class BidTests
{
    private static readonly Bid Some = new("ann", Guid.Empty, BidKind.Proxy, "USD", 10_00, 20_00);

    [Fact]
    public void A_proxy_bids_limit_is_its_ceiling_and_a_direct_bids_its_amount()
    {
        Assert.Equal(20_00, Some.Limit);
        Assert.Equal(10_00, (Some with { Kind = BidKind.Direct }).Limit);
    }

    [Fact]
    public void A_retry_asks_for_the_same_under_any_key() =>
        Assert.True(Some.SameContent(Some with { Key = Guid.NewGuid() }));

    [Fact]
    public void Another_kind_currency_amount_or_ceiling_is_other_content()
    {
        Assert.False(Some.SameContent(Some with { Kind = BidKind.Direct }));
        Assert.False(Some.SameContent(Some with { Currency = "EUR" }));
        Assert.False(Some.SameContent(Some with { Amount = 11_00 }));
        Assert.False(Some.SameContent(Some with { Max = 21_00 }));
    }
}

namespace Auctions.UnitTests;

public sealed class BidTests
{
    private static readonly Bid Some = new("ann", Guid.Empty, BidKind.Proxy, "USD", 10_00, 20_00);

    [Fact]
    public void The_limit_is_the_ceiling_of_a_proxy_bid_and_the_amount_of_a_direct_bid()
    {
        Assert.Equal(20_00, Some.Limit);
        Assert.Equal(10_00, (Some with { Kind = BidKind.Direct }).Limit);
    }

    [Fact]
    public void The_same_request_under_another_key_is_the_same_content() =>
        Assert.True(Some.SameContent(Some with { Key = Guid.NewGuid() }));

    [Fact]
    public void Another_kind_currency_amount_or_ceiling_is_different_content()
    {
        Assert.False(Some.SameContent(Some with { Kind = BidKind.Direct }));
        Assert.False(Some.SameContent(Some with { Currency = "EUR" }));
        Assert.False(Some.SameContent(Some with { Amount = 11_00 }));
        Assert.False(Some.SameContent(Some with { Max = 21_00 }));
    }
}

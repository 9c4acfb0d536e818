namespace Auctions.UnitTests;

public sealed class CurrencyTests
{
    private static Currency Of(string code) => Currency.Find(code)!;

    [Theory]
    [InlineData("JPY", 0, 1)]
    [InlineData("USD", 2, 100)]
    [InlineData("EUR", 2, 100)]
    [InlineData("KWD", 3, 1000)]
    [InlineData("IQD", 3, 1000)]
    [InlineData("LYD", 3, 1000)]
    [InlineData("PKR", 2, 100)]
    [InlineData("RSD", 2, 100)]
    [InlineData("UYU", 2, 100)]
    [InlineData("XAD", 2, 100)]
    [InlineData("XCG", 2, 100)]
    [InlineData("ZWG", 2, 100)]
    [InlineData("UYI", 0, 1)]
    [InlineData("CLF", 4, 10_000)]
    [InlineData("UYW", 4, 10_000)]
    public void A_currency_has_its_minor_unit(string code, int decimals, long minorPerUnit) =>
        Assert.Equal((decimals, minorPerUnit), (Of(code).Decimals, Of(code).MinorPerUnit));

    [Theory]
    [InlineData("")]
    [InlineData("usd")]
    [InlineData("XXX")]
    [InlineData("XAU")]
    [InlineData("XTS")]
    [InlineData("XDR")]
    [InlineData("DEM")]
    public void An_unknown_code_is_not_found(string code) => Assert.Null(Currency.Find(code));

    [Fact]
    public void The_list_has_the_codes_of_ISO_4217_that_have_a_minor_unit()
    {
        Assert.Equal(165, Currency.All.Count(c => !c.Withdrawn));
        Assert.Equal(["ANG", "BGN", "CUC", "HRK", "SLL", "ZWL"],
            Currency.All.Where(c => c.Withdrawn).Select(c => c.Code).Order());
    }

    [Theory]
    [InlineData("USD", 12, 340_000_000, 12_34)]
    [InlineData("USD", 0, 10_000_000, 1)]
    [InlineData("USD", 0, 990_000_000, 99)]
    [InlineData("JPY", 500, 0, 500)]
    [InlineData("KWD", 1, 1_000_000, 1_001)]
    [InlineData("CLF", 1, 999_900_000, 1_9999)]
    [InlineData("USD", 90_071_992_547_409, 910_000_000, Currency.MaxAmount)]
    [InlineData("JPY", Currency.MaxAmount, 0, Currency.MaxAmount)]
    public void Units_and_nanos_convert_to_minor_units_and_back(string code, long units, int nanos, long minor)
    {
        Assert.Equal(minor, Of(code).ToMinor(units, nanos));
        Assert.Equal((units, nanos), Of(code).FromMinor(minor));
    }

    [Theory]
    [InlineData("USD", 0, 1_000_000)]                      // a tenth of a cent
    [InlineData("JPY", 1, 10_000_000)]
    [InlineData("KWD", 1, 100_000)]
    [InlineData("UYW", 1, 10_000)]
    [InlineData("USD", -1, 0)]
    [InlineData("USD", 0, -10_000_000)]
    [InlineData("USD", 1, -10_000_000)]
    [InlineData("USD", 0, 1_000_000_000)]
    [InlineData("USD", 90_071_992_547_409, 920_000_000)]   // 2^53
    [InlineData("JPY", Currency.MaxAmount + 1, 0)]
    [InlineData("USD", long.MaxValue, 0)]
    public void An_amount_that_minor_units_cannot_express_is_null(string code, long units, int nanos) =>
        Assert.Null(Of(code).ToMinor(units, nanos));
}

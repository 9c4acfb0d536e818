namespace Auctions.UnitTests;

public sealed class IncrementTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Currency.MaxAmount)]
    public void A_fixed_increment_is_the_same_at_any_price(long price) =>
        Assert.Equal(250, new Increment.Fixed(250).At(price));

    [Theory]
    [InlineData(0, 250, 1)]           // at least one minor unit
    [InlineData(39, 250, 1)]
    [InlineData(40, 250, 1)]          // exactly one
    [InlineData(41, 250, 2)]          // rounded up
    [InlineData(10_000, 250, 250)]
    [InlineData(10_001, 250, 251)]
    [InlineData(19_999, 1, 2)]
    [InlineData(20_000, 1, 2)]
    [InlineData(20_001, 1, 3)]
    [InlineData(12_345, 10_000, 12_345)]
    [InlineData(Currency.MaxAmount, 1, 900_719_925_475)]
    [InlineData(Currency.MaxAmount, 10_000, Currency.MaxAmount)]
    public void Basis_points_are_rounded_up_to_a_minor_unit(long price, int points, long increment) =>
        Assert.Equal(increment, new Increment.BasisPoints(points).At(price));

    [Theory]
    [InlineData(0, 5)]
    [InlineData(99, 5)]
    [InlineData(1_00, 25)]
    [InlineData(4_99, 25)]
    [InlineData(5_00, 50)]
    [InlineData(24_99, 50)]
    [InlineData(25_00, 1_00)]
    [InlineData(99_99, 1_00)]
    [InlineData(100_00, 2_50)]
    [InlineData(249_99, 2_50)]
    [InlineData(250_00, 5_00)]
    [InlineData(499_99, 5_00)]
    [InlineData(500_00, 10_00)]
    [InlineData(999_99, 10_00)]
    [InlineData(1_000_00, 25_00)]
    [InlineData(2_499_99, 25_00)]
    [InlineData(2_500_00, 50_00)]
    [InlineData(4_999_99, 50_00)]
    [InlineData(5_000_00, 100_00)]
    [InlineData(Currency.MaxAmount, 100_00)]
    public void Ebays_table_steps_at_each_of_its_prices(long price, long increment) =>
        Assert.Equal(increment, Increment.EbayUs.At(price));

    [Fact]
    public void The_next_bid_is_the_price_plus_its_increment()
    {
        Assert.Equal(1_04, Increment.EbayUs.Above(99));
        Assert.Equal(1_25, Increment.EbayUs.Above(1_00));
    }

    [Theory]
    [InlineData("fixed:1")]
    [InlineData("fixed:9007199254740991")]
    [InlineData("bps:1")]
    [InlineData("bps:10000")]
    [InlineData("ladder:one:0=1")]
    [InlineData("ladder:a-2:0=5,100=25,9007199254740991=9007199254740991")]
    [InlineData("ladder:ebay-us:0=5,100=25,500=50,2500=100,10000=250,"
        + "25000=500,50000=1000,100000=2500,250000=5000,500000=10000")]
    public void The_text_form_is_read_as_it_was_written(string text) =>
        Assert.Equal(text, Increment.Parse(text).ToString());

    [Fact]
    public void Increments_are_equal_by_value()
    {
        Assert.Equal(Increment.EbayUs, Increment.Parse(Increment.EbayUs.ToString()));
        Assert.Equal(Increment.EbayUs.GetHashCode(), Increment.Parse(Increment.EbayUs.ToString()).GetHashCode());
        Assert.NotEqual(Increment.EbayUs, new Increment.Ladder("ebay-us", (0, 5)));
        Assert.Equal<Increment>(new Increment.Fixed(1), Increment.Parse("fixed:1"));
        Assert.NotEqual<Increment>(new Increment.Fixed(1), new Increment.BasisPoints(1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("fixed")]
    [InlineData("fixed:")]
    [InlineData("fixed:0")]
    [InlineData("fixed:-1")]
    [InlineData("fixed:1.5")]
    [InlineData("fixed:1e3")]
    [InlineData("fixed:+1")]
    [InlineData("fixed: 1")]
    [InlineData("fixed:1:2")]
    [InlineData("fixed:9007199254740992")]
    [InlineData("fixed:99999999999999999999")]
    [InlineData("Fixed:1")]
    [InlineData("fixed:01")]                 // one form for each rule
    [InlineData("bps:0")]
    [InlineData("bps:0250")]
    [InlineData("ladder:x:00=5")]
    [InlineData("ladder:x:0=5,0100=25")]
    [InlineData("bps:10001")]
    [InlineData("bps:4294967297")]            // 1, if its upper half were cut off
    [InlineData("bps:x")]
    [InlineData("ladder:")]
    [InlineData("ladder::0=5")]
    [InlineData("ladder:a b:0=5")]
    [InlineData("ladder:ü:0=5")]
    [InlineData("ladder:x:")]
    [InlineData("ladder:x:1=5")]              // must begin at 0
    [InlineData("ladder:x:0=0")]
    [InlineData("ladder:x:0=5,100")]
    [InlineData("ladder:x:0=5,100=6=7")]
    [InlineData("ladder:x:0=5,100=6,100=7")]  // must rise
    [InlineData("ladder:x:0=5,100=6,99=7")]
    [InlineData("ladder:x:0=5,9007199254740992=6")]
    [InlineData("ladder:x:0=9007199254740992")]
    [InlineData("ladder:x:0=5,")]
    [InlineData("steps:x:0=5")]
    public void Text_that_is_not_an_increment_is_an_error(string text) =>
        Assert.Throws<FormatException>(() => Increment.Parse(text));

    [Fact]
    public void A_text_has_at_most_4096_characters()
    {
        var longest = $"ladder:{new string('x', 4_085)}:0=5";
        Assert.Equal(Increment.TextMax, Increment.Parse(longest).ToString().Length);
        Assert.Throws<FormatException>(() => Increment.Parse($"ladder:{new string('x', 4_086)}:0=5"));
    }

    [Fact]
    public void The_error_of_an_invalid_ladder_names_the_step()
    {
        var error = Assert.Throws<ArgumentException>(() => new Increment.Ladder("x", (0, 5), (10, 5), (10, 6)));
        Assert.Contains("step 2", error.Message, StringComparison.Ordinal);
    }
}

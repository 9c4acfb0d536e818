namespace Auctions.UnitTests;

public sealed class TermsTests
{
    private const string Line =
        "seller-1 USD 1000 4000 8000 60000000 120000000 3 1700000000000000 ladder:two:0=5,100=25";

    private static readonly Terms Some = new("seller-1", "USD", 10_00, 40_00, 80_00,
        new Increment.Ladder("two", (0, 5), (100, 25)), new SoftClose(60_000_000, 120_000_000, 3),
        1_700_000_000_000_000);

    [Fact]
    public void The_line_has_every_term_in_its_place() => Assert.Equal(Line, Some.Line);

    [Fact]
    public void A_line_is_read_as_it_was_written() => Assert.Equal(Some, Terms.Parse(Line));

    [Fact]
    public void The_error_names_the_column_its_value_and_the_rule()
    {
        var error = Assert.Throws<StoredValueException>(() => Terms.Parse("s USD 1 0 0 0 0 0 0 bps:20000"));
        Assert.Equal("increment", error.Column);
        Assert.StartsWith("increment is 'bps:20000', and must be an", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Changed_terms_have_a_line_of_their_own()
    {
        var changed = Some with { Reserve = 50_00 };
        Assert.Equal(Line.Replace(" 4000 ", " 5000 ", StringComparison.Ordinal), changed.Line);
        Assert.NotEqual(Some.Digest, changed.Digest);
        Assert.NotEqual(Some, changed);
    }

    [Fact]
    public void The_digest_is_the_start_of_the_SHA_1_of_the_line()
    {
        // printf 'abc' | sha1sum
        Assert.Equal("a9993e364706816a", Terms.DigestOf("abc"));
        Assert.Equal(Terms.DigestOf(Line), Some.Digest);
    }

    [Theory]
    [InlineData("")]
    [InlineData("seller-1 USD 1000 4000 8000 60000000 120000000 3 1700000000000000")]
    [InlineData(Line + " ")]
    [InlineData("seller 1" + " USD 1000 4000 8000 60000000 120000000 3 1700000000000000 fixed:1")]
    [InlineData("s USD -1 0 0 0 0 0 0 fixed:1")]
    [InlineData("s USD 1.0 0 0 0 0 0 0 fixed:1")]
    [InlineData("s USD  0 0 0 0 0 0 fixed:1")]
    [InlineData("s USD 99999999999999999999 0 0 0 0 0 0 fixed:1")]
    [InlineData("s USD 1 0 0 0 0 4294967297 0 fixed:1")]   // 1 extension, if its upper half were cut off
    [InlineData("s USD 1 0 0 0 0 0 0 fixed:0")]
    [InlineData("s USD 01 0 0 0 0 0 0 fixed:1")]           // its digest would be another one
    [InlineData("s USD 1 0 0 0 0 0 0 fixed:01")]
    [InlineData("s USD 0 0 0 0 0 0 0 fixed:1")]
    [InlineData("s USD 1 9007199254740992 0 0 0 0 0 fixed:1")]
    [InlineData("s USD 1 0 0 4503599627370496 0 0 0 fixed:1")]
    [InlineData("s USD 1 0 0 0 0 0 4503599627370496 fixed:1")]
    [InlineData("s ZZZ 1 0 0 0 0 0 0 fixed:1")]
    [InlineData(" USD 1 0 0 0 0 0 0 fixed:1")]
    [InlineData("ü USD 1 0 0 0 0 0 0 fixed:1")]
    public void Text_that_is_not_terms_is_an_error(string line) =>
        Assert.ThrowsAny<FormatException>(() => Terms.Parse(line));
}

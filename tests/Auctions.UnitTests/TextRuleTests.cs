using System.Text;

namespace Auctions.UnitTests;

public sealed class TextRuleTests
{
    private static readonly TextRule Title = new(100, Required: true);
    private static readonly TextRule Category = new(100);
    private static readonly TextRule Description = new(100, SeveralLines: true);

    [Theory]
    [InlineData("A vase")]
    [InlineData("花瓶")]
    [InlineData("שעון \u200f(עתיק)")] // a mark of the writing direction is no override
    [InlineData("👩‍👩‍👧‍👦")]
    [InlineData("🏴󠁧󠁢󠁥󠁮󠁧󠁿")]
    [InlineData("e\u0301")]
    [InlineData("1")]
    [InlineData("!")]
    [InlineData("€")]
    [InlineData("\u200b.\u200b")]
    public void A_text_that_a_reader_sees_is_allowed(string text) => Assert.Null(Title.Broken(text));

    [Theory]
    [InlineData(" ")]
    [InlineData("\u00a0")]
    [InlineData("\u3000")]
    [InlineData("\u200b")]
    [InlineData("\ufeff")]
    [InlineData("\u00ad")]
    [InlineData("\u3164")]
    [InlineData("\u2800")]
    [InlineData("\u115f\u1160\uffa0")]
    [InlineData("\u034f")]
    [InlineData("\u180e")]
    [InlineData("\u2060")]
    [InlineData("\ufe0f")]
    [InlineData("\u0301")]
    [InlineData("\ue000")] // private use
    [InlineData("\U000e0041")]
    [InlineData("\u200b \u200d\u3164")]
    public void A_text_that_a_reader_does_not_see_is_refused(string text)
    {
        Assert.Equal("must have at least one visible character", Title.Broken(text));
        Assert.Equal("must have at least one visible character", Category.Broken(text));
    }

    [Theory]
    [InlineData("a\u0000b", "control characters such as U+0000")]
    [InlineData("a\u0085b", "control characters such as U+0085")]
    [InlineData("a\u007fb", "control characters such as U+007F")]
    [InlineData("a\u2028b", "the separator U+2028")]
    [InlineData("a\u2029b", "the separator U+2029")]
    [InlineData("a\u202eb", "writing direction with U+202E")]
    [InlineData("a\u202ab", "writing direction with U+202A")]
    [InlineData("a\u2066b", "writing direction with U+2066")]
    [InlineData("a\u2069b", "writing direction with U+2069")]
    [InlineData("a\ufffdb", "U+FFFD")]
    [InlineData("a\ufdd0b", "the non-character U+FDD0")]
    [InlineData("a\uffffb", "the non-character U+FFFF")]
    [InlineData("a\U0001fffeb", "the non-character U+1FFFE")]
    [InlineData("a\U0010ffffb", "the non-character U+10FFFF")]
    public void A_character_that_would_not_be_shown_as_it_is_stored_is_refused(string text, string rule)
    {
        foreach (var texts in (TextRule[])[Title, Category, Description])
            Assert.Contains(rule, texts.Broken(text), StringComparison.Ordinal);
    }

    [Fact]
    public void Half_a_surrogate_pair_is_refused() =>
        Assert.Contains("U+FFFD", Title.Broken("a\ud83d"), StringComparison.Ordinal);

    [Theory]
    [InlineData("\n")]
    [InlineData("\r")]
    [InlineData("\t")]
    public void Only_a_text_of_several_lines_has_line_breaks_and_tabs(string character)
    {
        Assert.Null(Description.Broken($"a{character}b"));
        Assert.Contains("control characters", Title.Broken($"a{character}b"), StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_required_text_must_not_be_empty()
    {
        Assert.Equal("must not be empty", Title.Broken(""));
        Assert.Null(Category.Broken(""));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("字")]
    [InlineData("😀")]
    [InlineData("e\u0301")]
    [InlineData("👍🏽")]
    public void A_character_is_what_a_reader_takes_for_one(string character)
    {
        Assert.Null(Title.Broken(Times(100)));
        var takesAllBytes = Encoding.UTF8.GetByteCount(character) * 101 > Title.BytesMax;
        Assert.Equal(
            takesAllBytes
                ? "must have at most 800 bytes in UTF-8, not 808"
                : "must have at most 100 characters, not 101",
            Title.Broken(Times(101)));

        string Times(int count) => string.Concat(Enumerable.Repeat(character, count));
    }

    [Fact]
    public void Bytes_bound_a_character_with_many_marks()
    {
        Assert.Equal(
            "must have at most 800 bytes in UTF-8, not 200001", Title.Broken("a" + new string('\u0301', 100_000)));
        Assert.Null(Title.Broken("a" + new string('\u0301', 399)));
        Assert.Contains("bytes", Title.Broken("a" + new string('\u0301', 400)), StringComparison.Ordinal);
    }
}

namespace Auctions.UnitTests;

/// <summary>Stored data uses these words. If somebody renames or moves a member, these tests fail first.</summary>
public sealed class EnumTextTests
{
    [Fact]
    public void Every_stored_word_is_fixed()
    {
        AssertWords<AuctionStatus>("scheduled active ended cancelled bought");
        AssertWords<BidKind>("direct proxy buy_now");
        AssertWords<BidOutcome>("leading outbid refused");
        AssertWords<RejectionReason>(" velocity cancelled ended not_started seller wrong_currency "
            + "buy_now_not_offered buy_now_withdrawn ceiling_not_raised too_low");
        AssertWords<EntryKind>("opened started bid amended sealed");
        AssertWords<EndReason>(" time bought_now ended_by_seller ended_by_service");
        AssertWords<SealCause>("time ended_by_seller cancelled ended_by_service");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Active")]
    [InlineData("active ")]
    [InlineData("1")]
    public void Any_other_word_is_an_error(string word) =>
        Assert.Throws<FormatException>(() => EnumText.Parse<AuctionStatus>(word));

    private static void AssertWords<T>(string words) where T : struct, Enum
    {
        var members = Enum.GetValues<T>();
        Assert.Equal(words.Split(' '), members.Select(EnumText.Of));
        Assert.Equal(members, words.Split(' ').Select(w => EnumText.Parse<T>(w)));
    }
}

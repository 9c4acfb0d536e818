namespace Auctions.UnitTests;

/// <summary>Stored data is spelt with these words: a member that is renamed or moved fails here first.</summary>
public sealed class EnumTextTests
{
    [Fact]
    public void Every_stored_word_is_pinned()
    {
        Pinned<AuctionStatus>("scheduled active ended cancelled");
        Pinned<BidKind>("direct proxy buy_now");
        Pinned<BidOutcome>("leading outbid refused");
        Pinned<RejectionReason>(" velocity cancelled ended not_started seller wrong_currency buy_now_withdrawn ceiling_not_raised too_low");
        Pinned<EntryKind>("opened started bid amended sealed");
        Pinned<EndReason>(" time bought_now ended_by_seller");
        Pinned<SealCause>("time ended_by_seller cancelled");
    }

    [Theory]
    [InlineData("")]
    [InlineData("Active")]
    [InlineData("active ")]
    [InlineData("1")]
    public void Another_word_is_refused(string word) => Assert.Throws<FormatException>(() => EnumText.Parse<AuctionStatus>(word));

    private static void Pinned<T>(string words) where T : struct, Enum
    {
        var members = Enum.GetValues<T>();
        Assert.Equal(words.Split(' '), members.Select(EnumText.Of));
        Assert.Equal(members, words.Split(' ').Select(w => EnumText.Parse<T>(w)));
    }
}

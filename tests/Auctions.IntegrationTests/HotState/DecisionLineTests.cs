using Auctions.Core;
using Auctions.HotState;

namespace Auctions.IntegrationTests.HotState;

public sealed class DecisionLineTests
{
    private const string Line =
        "leading  8 00000000-0000-0000-0000-00000000000a 00000000-0000-0000-0000-00000000000b proxy bob "
        + "00000000-0000-0000-0000-00000000000c USD 0 6000 1700000000000000 0123456789abcdef "
        + "scheduled 0 0  1800000000000000 0 0 active 1000 6000 bob 1800000000000001 1 1";

    private const string Rejected =
        "refused buy_now_withdrawn 8 00000000-0000-0000-0000-00000000000a "
        + "00000000-0000-0000-0000-00000000000b buy_now bob "
        + "00000000-0000-0000-0000-00000000000c  0 0 1700000000000000 0123456789abcdef "
        + "active 1000 6000 ann 1800000000000000 0 3 active 1000 6000 ann 1800000000000000 0 3";

    private static readonly Guid Auction = Guid.NewGuid();

    [Fact]
    public void Every_field_has_its_place()
    {
        var bid = new Bid("bob", Id('c'), BidKind.Proxy, "USD", 0, 60_00);
        var before = AuctionState.Opened(AuctionStatus.Scheduled, 1_800_000_000_000_000);
        var after = new AuctionState(AuctionStatus.Active, 10_00, 60_00, "bob", 1_800_000_000_000_001, 1, 1);
        var decided = new DecidedBid(Auction, Id('a'), Id('b'), 8, bid, BidOutcome.Leading, RejectionReason.None,
            "0123456789abcdef", before, after, 1_700_000_000_000_000);
        Assert.Equal(decided, DecisionLine.Parse(Auction, Line));
        Assert.Equal(Line, DecisionLine.Format(decided));
    }

    [Theory]
    [InlineData(Line)]
    [InlineData(Rejected)]
    public void A_line_is_written_as_it_was_read(string line) =>
        Assert.Equal(line, DecisionLine.Format(DecisionLine.Parse(Auction, line)));

    [Theory]
    [InlineData("", "")]
    [InlineData(" 1 1", "")]                            // too short
    [InlineData(" 1 1", " 1 1 ")]                       // too long
    [InlineData("leading", "Leading")]
    [InlineData("leading ", "leading none")]
    [InlineData(" 8 ", " -8 ")]
    [InlineData(" 8 ", " 8.0 ")]
    [InlineData(" 8 ", " 99999999999999999999 ")]
    [InlineData("00000000-0000-0000-0000-00000000000a", "0000000000000000000000000000000a")]
    [InlineData(" bob 1800000000000001 1 1", " bob 1800000000000001 4294967297 1")]
    public void Any_other_text_is_an_error(string part, string instead)
    {
        var line = part.Length == 0 ? "" : Line.Replace(part, instead, StringComparison.Ordinal);
        Assert.NotEqual(Line, line);
        Assert.Throws<FormatException>(() => DecisionLine.Parse(Auction, line));
    }

    private static Guid Id(char last) => Guid.Parse($"00000000-0000-0000-0000-00000000000{last}");
}

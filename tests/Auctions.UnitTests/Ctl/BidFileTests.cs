using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class BidFileTests
{
    private const string Header = "auction_id,item,duration_days,opening_price,closing_price,reserve_price,at_days,bidder,bidder_rating,max_bid\n";

    private static IReadOnlyList<RecordedAuction> Read(string csv) => BidFile.Read(new StringReader(csv));

    private static string Error(string csv) => Assert.Throws<CsvException>(() => Read(csv)).Message;

    [Fact]
    public void Rows_of_an_auction_become_its_bids_in_cents()
    {
        var auction = Assert.Single(Read(Header + "7,Clock,3,0.99,16.75,,0.5,ann,12,20\n7,Clock,3,0.99,16.75,,0.6,bob,1,16.25\n"));

        Assert.Equal(("7", "Clock", 99L, 0L, 1675L), (auction.Id, auction.Item, auction.Opening, auction.Reserve, auction.Closing!.Value));
        Assert.Equal([new RecordedBid(2, "ann", 2000), new RecordedBid(3, "bob", 1625)], auction.Bids);
    }

    [Fact]
    public void Columns_are_found_by_name_in_any_order_and_others_are_passed_over()
    {
        var auction = Assert.Single(Read("max_bid,colour,BIDDER,closing_price,opening_price,auction_id\n20,red,ann,1,0.99,7\n"));

        Assert.Equal([new RecordedBid(2, "ann", 2000)], auction.Bids);
        Assert.Equal("", auction.Item);
    }

    [Fact]
    public void A_byte_order_mark_CRLF_quotes_and_blank_lines_are_no_trouble()
    {
        var auction = Assert.Single(Read("\uFEFFauction_id,item,opening_price,closing_price,bidder,max_bid\r\n\r\n7,\"A 12\"\" record,\nused\",0.99,1.00,ann,\"20.00\"\r\n7,\"A 12\"\" record,\nused\",0.99,1.00,bob,21"));

        Assert.Equal("A 12\" record,\nused", auction.Item);
        Assert.Equal([new RecordedBid(3, "ann", 2000), new RecordedBid(5, "bob", 2100)], auction.Bids);
    }

    [Fact]
    public void Bids_are_put_in_the_order_of_their_time_and_equal_times_stay_as_they_stand()
    {
        var auction = Assert.Single(Read(Header + "7,,3,1,1,,0.6,late,1,3\n7,,3,1,1,,2E-5,early,1,2\n7,,3,1,1,,0.6,last,1,4\n"));

        Assert.Equal(["early", "late", "last"], auction.Bids.Select(bid => bid.Bidder));
    }

    [Fact]
    public void Auctions_whose_rows_are_mixed_are_told_apart()
    {
        var auctions = Read(Header + "7,,3,1,1,,1,ann,1,3\n8,,3,2,2,,1,ann,1,2\n7,,3,1,1,,2,bob,1,4\n");

        Assert.Equal([("7", 2), ("8", 1)], auctions.Select(auction => (auction.Id, auction.Bids.Count)));
    }

    [Fact]
    public void Where_rows_contradict_each_other_the_first_says_what_an_auction_opened_at()
    {
        var auction = Assert.Single(Read(Header + "7,,3,0.01,9,5,1,ann,1,3\n7,,3,1,9,,2,bob,1,4\n"));

        Assert.Equal((1L, 500L, 2), (auction.Opening, auction.Reserve, auction.Bids.Count));
    }

    [Fact]
    public void An_auction_without_a_bid_has_no_closing_price()
    {
        var auction = Assert.Single(Read(Header + "7,,3,1,,,,,,\n"));

        Assert.Empty(auction.Bids);
        Assert.Null(auction.Closing);
    }

    [Theory]
    [InlineData("5.00", 500)]
    [InlineData("", 0)]
    [InlineData("1.00", 0)] // any first bid reaches it
    [InlineData("0.50", 0)]
    public void A_reserve_that_the_first_bid_reaches_is_none(string reserve, long cents)
    {
        Assert.Equal(cents, Assert.Single(Read(Header + $"7,,3,1,9,{reserve},1,ann,1,9\n")).Reserve);
    }

    [Theory]
    [InlineData("7,,3,1,1,,1,ann,1,12.345\n", "line 2: max_bid '12.345'")]
    [InlineData("7,,3,1,1,,1,ann,1,0\n", "line 2: max_bid '0'")]
    [InlineData("7,,3,1,1,,1,ann,1,-5\n", "line 2: max_bid '-5'")]
    [InlineData("7,,3,1,1,,1,ann,1,1e3\n", "line 2: max_bid '1e3'")]
    [InlineData("7,,3,1,1,,1,ann,1,\"1,000\"\n", "line 2: max_bid '1,000'")]
    [InlineData("7,,3,1,1,,1,ann,1,90071992547409.92\n", "line 2: max_bid '90071992547409.92'")]
    [InlineData("7,,3,x,1,,1,ann,1,5\n", "line 2: opening_price 'x'")]
    [InlineData("7,,3,1,1,,soon,ann,1,5\n", "line 2: at_days 'soon'")]
    [InlineData("7,,3,1,1,,1,ann bob,1,5\n", "line 2: bidder 'ann bob'")]
    [InlineData("7,,3,1,1,,1,,1,5\n", "line 2: bidder and max_bid")]
    [InlineData(",,3,1,1,,1,ann,1,5\n", "line 2: auction_id is empty")]
    [InlineData("7,,3,1,1,,1,ann,1,5\n7,3,1\n", "line 3: 3 fields")]
    [InlineData("7,,3,1,1,,1,ann,1,5\n7,,3,1,2,,1,bob,1,6\n", "line 3: auction 7 has another")]
    public void A_bad_row_is_named_by_its_line(string rows, string error)
    {
        Assert.Contains(error, Error(Header + rows), StringComparison.Ordinal);
    }

    [Fact]
    public void All_bad_rows_are_named_up_to_twenty()
    {
        var error = Error(Header + string.Concat(Enumerable.Repeat("7,,3,1,1,,1,ann,1,0\n", 25)));

        Assert.Contains("line 21:", error, StringComparison.Ordinal);
        Assert.DoesNotContain("line 22:", error, StringComparison.Ordinal);
        Assert.Contains("and 5 more", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("auction_id,bidder\n7,ann\n", "lacks opening_price, closing_price, max_bid")]
    [InlineData("auction_id,bidder,bidder\n", "'bidder' is there twice")]
    [InlineData(Header, "no row")]
    [InlineData("auction_id,\"item\n7,x\n", "line 1: the quote is never closed")]
    [InlineData("auction_id,it\"em\n", "line 1: a quote inside a field")]
    [InlineData("auction_id,\"it\"em\n", "line 1: 'e' after a closing quote")]
    public void A_file_that_is_none_says_why(string csv, string error)
    {
        Assert.Contains(error, Error(csv), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.01", 1L)]
    [InlineData("217.50", 21750L)]
    [InlineData("217.500", 21750L)]
    [InlineData("90071992547409.91", 9007199254740991L)]
    [InlineData("", null)]
    [InlineData("1.005", null)]
    [InlineData("$5", null)]
    [InlineData("NaN", null)]
    public void Amounts_are_read_exactly(string dollars, long? cents)
    {
        Assert.Equal(cents, Cents.Parse(dollars));
    }
}

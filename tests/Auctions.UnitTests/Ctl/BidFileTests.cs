using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class BidFileTests
{
    private const string Header =
        "auction_id,item,duration_days,opening_price,closing_price,reserve_price,at_days,bidder,bidder_rating,max_bid"
        + "\n";

    private static IReadOnlyList<RecordedAuction> Read(string csv) => BidFile.Read(new StringReader(csv));

    private static string Error(string csv) => Assert.Throws<BidFileException>(() => Read(csv)).Message;

    [Fact]
    public void Rows_of_an_auction_become_its_bids_in_cents()
    {
        var auction = Assert.Single(Read(
            Header + "7,Clock,3,0.99,16.75,,0.5,ann,12,20\n7,Clock,3,0.99,16.75,,0.6,bob,1,16.25\n"));

        Assert.Equal(("7", "Clock", 99L, 0L), (auction.Id, auction.Item, auction.Opening, auction.Reserve));
        Assert.Equal(1675L, auction.Closing);
        Assert.Equal([new RecordedBid(2, "ann", 2000), new RecordedBid(3, "bob", 1625)], auction.Bids);
    }

    [Fact]
    public void Columns_are_found_by_name_in_any_order_and_others_are_ignored()
    {
        var auction = Assert.Single(Read(
            "max_bid,colour,BIDDER,closing_price,opening_price,auction_id\n20,red,ann,1,0.99,7\n"));

        Assert.Equal([new RecordedBid(2, "ann", 2000)], auction.Bids);
        Assert.Equal("", auction.Item);
    }

    [Fact]
    public void A_byte_order_mark_CRLF_quotes_and_blank_lines_are_accepted()
    {
        var auction = Assert.Single(Read(
            "\uFEFFauction_id,item,opening_price,closing_price,bidder,max_bid\r\n\r\n"
            + "7,\"A 12\"\" record,\nused\",0.99,1.00,ann,\"20.00\"\r\n"
            + "7,\"A 12\"\" record,\nused\",0.99,1.00,bob,21"));

        Assert.Equal("A 12\" record,\nused", auction.Item);
        Assert.Equal([new RecordedBid(3, "ann", 2000), new RecordedBid(5, "bob", 2100)], auction.Bids);
    }

    [Fact]
    public void Bids_are_sorted_by_time_and_equal_times_keep_the_order_of_the_file()
    {
        var auction = Assert.Single(Read(
            Header + "7,,3,1,1,,0.6,late,1,3\n7,,3,1,1,,2E-5,early,1,2\n7,,3,1,1,,0.6,last,1,4\n"));

        Assert.Equal(["early", "late", "last"], auction.Bids.Select(bid => bid.Bidder));
    }

    [Fact]
    public void Rows_of_several_auctions_may_be_mixed()
    {
        var auctions = Read(Header + "7,,3,1,1,,1,ann,1,3\n8,,3,2,2,,1,ann,1,2\n7,,3,1,1,,2,bob,1,4\n");

        Assert.Equal([("7", 2), ("8", 1)], auctions.Select(auction => (auction.Id, auction.Bids.Count)));
    }

    [Fact]
    public void The_first_row_of_an_auction_gives_its_opening_price_and_reserve()
    {
        var auction = Assert.Single(Read(Header + "7,,3,0.01,9,5,1,ann,1,3\n7,,3,1,9,,2,bob,1,4\n"));

        Assert.Equal((1L, 500L, 2), (auction.Opening, auction.Reserve, auction.Bids.Count));
    }

    [Fact]
    public void A_row_without_a_bid_is_an_auction_without_a_closing_price()
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
    public void A_reserve_that_every_first_bid_reaches_counts_as_none(string reserve, long cents)
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
    [InlineData("\n7,\"a\nb\",3,1,1,,1,ann,1,5\n\n7,,3,1,1,,1,ann,1,0\n", "line 6: max_bid '0'")]
    [InlineData("7,,3,1,1,,1,ann,\"1,5\n", "line 2: the quote is never closed")]
    [InlineData("7,,3,1,1,,1,ann,1,\"5\"\"", "line 2: the quote is never closed")]
    [InlineData("7,,3,1,1,,1,ann,1, \"5\"\n", "line 2: a quote inside a field")]
    [InlineData("7,,\"3\" ,1,1,,1,ann,1,5\n", "line 2: ' ' after a closing quote")]
    [InlineData("\"\"\n", "line 2: 1 fields")]
    public void The_error_for_a_wrong_row_names_its_line(string rows, string error)
    {
        Assert.Contains(error, Error(Header + rows), StringComparison.Ordinal);
    }

    [Fact]
    public void Up_to_twenty_wrong_rows_are_named()
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
    public void The_error_for_a_wrong_file_gives_the_reason(string csv, string error)
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

public class SampleFileTests
{
    [Fact]
    public void The_committed_sample_is_the_file_of_its_seed()
    {
        Assert.Equal(CommittedSample(), File.ReadAllText(Path.Combine(SourceTree(), "samples", "sample-auctions.csv")));
    }

    [Fact]
    public void A_sample_closes_by_the_rules_and_has_every_kind_of_auction()
    {
        var auctions = BidFile.Read(new StringReader(CommittedSample()));
        var expected = auctions.Select(ExpectedResult.Of).ToList();

        Assert.Equal(SampleFile.CommittedAuctions, auctions.Count);
        Assert.Equal(SampleFile.CommittedBids, auctions.Sum(auction => auction.Bids.Count));
        Assert.Equal(auctions.Select(auction => auction.Closing), expected.Select(result => result.Closing));
        Assert.Contains(auctions, auction => auction.Bids.Count == 1);
        Assert.Contains(auctions, auction => auction.Reserve > 0);
        foreach (var outcome in Enum.GetValues<BidOutcome>())
            Assert.Contains(expected, result => result.Decisions.Any(decision => decision.Outcome == outcome));
        Assert.Contains(expected, result => result.Winner.Length == 0);
        Assert.Contains(expected, result => result.Winner.Length > 0);
    }

    private static string CommittedSample() =>
        SampleFile.Write(SampleFile.CommittedSeed, SampleFile.CommittedAuctions, SampleFile.CommittedBids);

    private static string SourceTree()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Auctions.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}

using System.Text.Json;
using Auctions.Ctl.Output;
using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class ReplayReportTests
{
    [Fact]
    public void A_closing_price_as_recorded_matches()
    {
        var report = ReplayReport.Of([PlayedAuction.Run(PlayedAuction.Recorded(closing: 1550))]);

        Assert.Equal((1, 5, 4, 1), (report.Auctions, report.BidsSent, report.Accepted, report.Rejected));
        Assert.Equal((1, 1), (report.ClosingPricesMatched, report.ViewerFinalFramesMatched));
        Assert.Empty(report.Mismatches);
        Assert.Empty(report.Violations);
    }

    [Theory]
    [InlineData(1551L)]
    [InlineData(null)]
    public void A_wrong_closing_price_is_reported_by_the_files_id(long? recorded)
    {
        var report = ReplayReport.Of([PlayedAuction.Run(PlayedAuction.Recorded(closing: recorded))]);

        Assert.Equal(0, report.ClosingPricesMatched);
        Assert.Equal(new Mismatch("7", recorded / 100m, 15.50m), Assert.Single(report.Mismatches));
    }

    [Fact]
    public void An_auction_that_did_not_end_matches_nothing()
    {
        var report = ReplayReport.Of([PlayedAuction.Run(PlayedAuction.Recorded(closing: null)) with { Final = null, Failure = "Internal: boom" }]);

        Assert.Equal((0, 0), (report.ClosingPricesMatched, report.ViewerFinalFramesMatched));
        Assert.NotEmpty(report.Violations);
    }

    [Fact]
    public void Where_no_bid_was_taken_there_is_no_price_on_either_side()
    {
        var report = ReplayReport.Of([PlayedAuction.Run(new RecordedAuction("7", "", 500, 0, null, [new(2, "ann", 400)]))]);

        Assert.Equal((1, 0, 1), (report.ClosingPricesMatched, report.Accepted, report.Rejected));
    }

    [Fact]
    public void The_JSON_has_exactly_these_fields()
    {
        var json = JsonDocument.Parse(Json.Of(ReplayReport.Of([PlayedAuction.Run(PlayedAuction.Recorded(closing: 1))]))).RootElement;

        Assert.Equal(
            ["auctions", "bids_sent", "accepted", "rejected", "closing_prices_matched", "mismatches", "viewer_final_frames_matched", "seal_lateness_ms", "bid_latency_ms", "violations"],
            json.EnumerateObject().Select(field => field.Name));
        Assert.Equal(["p50", "p99", "max"], json.GetProperty("seal_lateness_ms").EnumerateObject().Select(field => field.Name));
        Assert.Equal(["p50", "p99"], json.GetProperty("bid_latency_ms").EnumerateObject().Select(field => field.Name));
        var mismatch = json.GetProperty("mismatches")[0];
        Assert.Equal(("7", "0.01", "15.50"),
            (mismatch.GetProperty("auction_id").GetString(), mismatch.GetProperty("expected").GetRawText(), mismatch.GetProperty("actual").GetRawText()));
    }

    [Fact]
    public void Lateness_and_latency_are_nearest_rank_quantiles()
    {
        var report = ReplayReport.Of([PlayedAuction.Run(PlayedAuction.Recorded())]);

        Assert.Equal(new LatenessMs(100, 100, 100), report.SealLatenessMs);
        Assert.Equal(new LatencyMs(4, 6), report.BidLatencyMs); // of 2, 3, 4, 5, 6
    }
}

using System.Text.Json;
using Auctions.Ctl.Output;
using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class ReplayReportTests
{
    [Fact]
    public void A_closing_price_as_recorded_matches()
    {
        var report = ReplayReport.Of([CorrectReplay.Of(CorrectReplay.Recorded(closing: 1550))]);

        Assert.Equal((1, 5, 4, 1), (report.Auctions, report.BidsSent, report.Accepted, report.Rejected));
        Assert.Equal((1, 1), (report.ClosingPricesMatched, report.ViewerFinalFramesMatched));
        Assert.Empty(report.Mismatches);
        Assert.Empty(report.Violations);
    }

    [Theory]
    [InlineData(1551L)]
    [InlineData(null)]
    public void A_wrong_closing_price_is_reported_with_the_id_in_the_file(long? recorded)
    {
        var report = ReplayReport.Of([CorrectReplay.Of(CorrectReplay.Recorded(closing: recorded))]);

        Assert.Equal(0, report.ClosingPricesMatched);
        Assert.Equal(new Mismatch("7", recorded / 100m, 15.50m), Assert.Single(report.Mismatches));
    }

    [Fact]
    public void An_auction_that_did_not_end_matches_nothing()
    {
        var replay = CorrectReplay.Of(CorrectReplay.Recorded(closing: null));

        var report = ReplayReport.Of([replay with { Final = null, Failure = "Internal: boom" }]);

        Assert.Equal((0, 0), (report.ClosingPricesMatched, report.ViewerFinalFramesMatched));
        Assert.NotEmpty(report.Violations);
    }

    [Fact]
    public void An_auction_without_an_accepted_bid_has_no_closing_price_on_either_side()
    {
        var recorded = new RecordedAuction("7", "", 500, 0, null, [new(2, "ann", 400)]);

        var report = ReplayReport.Of([CorrectReplay.Of(recorded)]);

        Assert.Equal((1, 0, 1), (report.ClosingPricesMatched, report.Accepted, report.Rejected));
    }

    [Fact]
    public void The_JSON_has_exactly_these_fields()
    {
        var report = ReplayReport.Of([CorrectReplay.Of(CorrectReplay.Recorded(closing: 1))]);
        var json = JsonDocument.Parse(Json.Of(report)).RootElement;

        Assert.Equal(
            [
                "auctions", "bids_sent", "accepted", "rejected", "closing_prices_matched", "mismatches",
                "viewer_final_frames_matched", "seal_lateness_ms", "bid_latency_ms", "violations",
            ],
            Names(json));
        Assert.Equal(["p50", "p99", "max"], Names(json.GetProperty("seal_lateness_ms")));
        Assert.Equal(["p50", "p99"], Names(json.GetProperty("bid_latency_ms")));
        var mismatch = json.GetProperty("mismatches")[0];
        Assert.Equal("7", mismatch.GetProperty("auction_id").GetString());
        Assert.Equal("0.01", mismatch.GetProperty("expected").GetRawText());
        Assert.Equal("15.50", mismatch.GetProperty("actual").GetRawText());
    }

    [Fact]
    public void Lateness_and_latency_are_nearest_rank_quantiles()
    {
        var report = ReplayReport.Of([CorrectReplay.Of(CorrectReplay.Recorded())]);

        Assert.Equal(new LatenessMs(100, 100, 100), report.SealLatenessMs);
        Assert.Equal(new LatencyMs(4, 6), report.BidLatencyMs); // of 2, 3, 4, 5, 6
    }

    private static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(field => field.Name);
}

public class DurationEstimatorTests
{
    [Fact]
    public void An_auction_is_open_for_thirty_seconds_unless_its_bids_need_more()
    {
        var durations = new DurationEstimator(null);

        Assert.Equal(TimeSpan.FromSeconds(30), durations.For(1));
        Assert.Equal(TimeSpan.FromSeconds(300), durations.For(1000));
    }

    [Fact]
    public void The_observed_latency_decides_the_duration()
    {
        var durations = new DurationEstimator(null);
        for (var i = 0; i < 5000; i++) durations.Observe(TimeSpan.FromMilliseconds(10));

        Assert.Equal(300, durations.For(10_000).TotalSeconds, tolerance: 20);
    }

    [Fact]
    public void Answers_that_waited_for_a_service_that_was_down_count_little()
    {
        var durations = new DurationEstimator(null);
        for (var i = 0; i < 1000; i++) durations.Observe(TimeSpan.FromMilliseconds(10));
        for (var i = 0; i < 64; i++) durations.Observe(TimeSpan.FromSeconds(20));

        Assert.InRange(durations.For(75).TotalSeconds, 30, 60);
    }

    [Fact]
    public void A_fixed_duration_is_kept()
    {
        Assert.Equal(TimeSpan.FromSeconds(5), new DurationEstimator(TimeSpan.FromSeconds(5)).For(1_000_000));
    }
}

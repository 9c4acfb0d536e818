using Auctions.Ctl;
using Auctions.Ctl.Replay;
using Google.Protobuf.WellKnownTypes;

namespace Auctions.UnitTests.Ctl;

/// <summary>Each test breaks one thing in what correct services say, and the check must find it.</summary>
public class ReplayChecksTests
{
    private readonly ReplayedAuction _replay = CorrectReplay.Of(CorrectReplay.Recorded());

    [Theory]
    [InlineData(0)]
    [InlineData(1800)]
    [InlineData(9000)]
    public void Correct_services_give_no_violation(long reserve)
    {
        Assert.Empty(ReplayChecks.Of(CorrectReplay.Of(CorrectReplay.Recorded(reserve: reserve))));
    }

    [Fact]
    public void An_answer_whose_price_differs_from_the_rules_is_found()
    {
        _replay.Answers[2].Result.State.CurrentPrice.Units++;

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I1" && Says(v, "line 4 left"));
    }

    [Fact]
    public void An_answer_whose_outcome_differs_from_the_rules_is_found()
    {
        _replay.Answers[1].Result.Outcome = V1.BidOutcome.Leading;

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I1" && Says(v, "line 3 was answered Leading"));
    }

    [Fact]
    public void Bids_after_the_end_are_reported_with_the_remedy()
    {
        var result = _replay.Answers[3].Result;
        (result.Outcome, result.RejectionReason) = (V1.BidOutcome.Rejected, V1.RejectionReason.Ended);

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I3" && Says(v, "--end-after"));
    }

    [Fact]
    public void An_acknowledged_bid_that_is_not_listed_is_found()
    {
        var listed = _replay.Listed.Where(bid => bid.BidId != "bid-2");

        var violation = Assert.Single(ReplayChecks.Of(_replay with { Listed = [.. listed] }));

        Assert.Equal(("I2", "7"), (violation.Invariant, violation.AuctionId));
        Assert.Contains("bid-2", violation.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_listed_bid_that_differs_from_its_answer_is_found()
    {
        _replay.Listed[1].PriceAfter.Units--;

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I2");
    }

    [Fact]
    public void A_listed_bid_without_an_answer_is_found()
    {
        var other = _replay.Listed[0].Clone();
        (other.BidId, other.Version) = ("another", 9);

        var violations = ReplayChecks.Of(_replay with { Listed = [other, .. _replay.Listed] });

        Assert.Equal("I5", Assert.Single(violations).Invariant);
    }

    [Fact]
    public void A_forgotten_rejection_is_found()
    {
        var forgotten = _replay.Outcomes.ToDictionary(outcome => outcome.Key, V1.BidResult? (_) => null);

        Assert.NotEmpty(forgotten);
        Assert.All(ReplayChecks.Of(_replay with { Outcomes = forgotten }), v => Assert.Equal("I2", v.Invariant));
        Assert.Equal(forgotten.Count, ReplayChecks.Of(_replay with { Outcomes = forgotten }).Count);
    }

    [Fact]
    public void A_viewer_that_sees_another_state_than_the_bidder_is_found()
    {
        _replay.Frames.States[1].LeaderId = "mallory";

        Assert.Equal("I7", Assert.Single(ReplayChecks.Of(_replay)).Invariant);
    }

    [Fact]
    public void A_fault_in_the_frames_is_found()
    {
        _replay.Frames.Observe(CorrectReplay.Ended(_replay.Final!, lateMs: 100));

        var violation = Assert.Single(ReplayChecks.Of(_replay));
        Assert.Contains("after the final one", violation.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_final_frame_that_differs_from_the_auction_is_found()
    {
        _replay.Frames.Ended!.WinnerId = "mallory";

        Assert.Equal("I7", Assert.Single(ReplayChecks.Of(_replay)).Invariant);
        Assert.False(_replay.FinalFrameMatches);
    }

    [Fact]
    public void A_missing_final_frame_is_found()
    {
        var violations = ReplayChecks.Of(_replay with { Frames = new FrameLog() });

        Assert.Contains(violations, v => v.Invariant == "I7" && Says(v, "no final frame"));
    }

    [Fact]
    public void A_wrong_winner_is_found()
    {
        _replay.Final!.WinnerId = "mallory";

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I4");
    }

    [Fact]
    public void A_closing_price_that_differs_from_the_last_answer_is_found()
    {
        _replay.Final!.State.CurrentPrice.Units++;

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I4");
    }

    [Fact]
    public void An_auction_that_does_not_end_is_found()
    {
        _replay.Final!.State.Status = V1.AuctionStatus.Active;

        Assert.Contains(ReplayChecks.Of(_replay), v => v.Invariant == "I9");
    }

    [Fact]
    public void An_end_more_than_a_second_late_is_found()
    {
        var late = new FrameLog();
        late.Observe(CorrectReplay.Ended(_replay.Final!, lateMs: 1001));

        Assert.Equal("I9", Assert.Single(ReplayChecks.Of(_replay with { Frames = late })).Invariant);
    }

    [Fact]
    public void A_replay_that_was_not_completed_is_found()
    {
        var violation = Assert.Single(ReplayChecks.Of(_replay with { Failure = "Internal: boom" }));

        Assert.Contains("not completed", violation.Detail, StringComparison.Ordinal);
    }

    private static bool Says(Violation violation, string text) =>
        violation.Detail.Contains(text, StringComparison.Ordinal);
}

/// <summary>What correct services say about an auction. Tests break it in one place.</summary>
internal static class CorrectReplay
{
    public static RecordedAuction Recorded(long? closing = 1550, long reserve = 0) => new(
        "7", "Clock", 500, reserve, closing,
        [new(2, "ann", 1000), new(3, "bob", 600), new(4, "bob", 1500), new(5, "eve", 2000), new(6, "ann", 1200)]);

    public static ReplayedAuction Of(RecordedAuction recorded)
    {
        var answers = new List<Answer>();
        var frames = new FrameLog();
        var listed = new List<V1.Bid>();
        var version = 0;
        var expected = ExpectedResult.Of(recorded);
        foreach (var (bid, decision) in recorded.Bids.Zip(expected.Decisions))
        {
            var accepted = decision.Outcome != BidOutcome.Rejected;
            if (accepted) version++;
            var result = new V1.BidResult
            {
                Outcome = (V1.BidOutcome)((int)decision.Outcome + 1),
                RejectionReason = accepted ? V1.RejectionReason.Unspecified : V1.RejectionReason.TooLow,
                BidId = accepted ? $"bid-{version}" : "",
                State = State(version, decision.After, V1.AuctionStatus.Active),
            };
            answers.Add(new Answer(bid, new Guid(bid.Line, 0, 0, new byte[8]), result, LatencyMs: bid.Line));
            if (!accepted) continue;
            frames.Observe(new V1.WatchResponse { Version = version, Snapshot = result.State.Clone() });
            listed.Insert(0, new V1.Bid
            {
                BidId = result.BidId,
                Version = version,
                BidderId = bid.Bidder,
                PriceAfter = result.State.CurrentPrice.Clone(),
                LeaderAfter = result.State.LeaderId,
            });
        }

        var final = new V1.Auction
        {
            State = State(version + 1, expected.Final, V1.AuctionStatus.Ended),
            WinnerId = expected.Winner,
            EndReason = V1.EndReason.Time,
        };
        frames.Observe(Ended(final, lateMs: 100));
        var outcomes = answers.Where(answer => answer.Result.Outcome == V1.BidOutcome.Rejected)
            .ToDictionary(answer => answer.Key, V1.BidResult? (answer) => answer.Result);
        return new ReplayedAuction(recorded, "an-auction", answers, frames, outcomes, listed, final, null);
    }

    public static V1.WatchResponse Ended(V1.Auction final, int lateMs) => new()
    {
        Version = final.State.Version,
        ServerTime = (final.State.EndTime.ToDateTimeOffset() + TimeSpan.FromMilliseconds(lateMs)).ToTimestamp(),
        Ended = new V1.AuctionEnded
        {
            Final = final.State.Clone(),
            WinnerId = final.WinnerId,
            EndReason = final.EndReason,
        },
    };

    private static V1.AuctionState State(long version, AuctionState state, V1.AuctionStatus status) => new()
    {
        Version = version,
        Status = status,
        CurrentPrice = state.BidCount == 0 ? null : FrameLogTests.Usd(state.Price),
        LeaderId = state.Leader,
        BidCount = state.BidCount,
        EndTime = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddDays(1)),
    };
}

using Auctions.Ctl;
using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

/// <summary>Each check of the replay, seen red once: one thing is broken in what the services did.</summary>
public class ReplayChecksTests
{
    private readonly AuctionRun _run = PlayedAuction.Run(PlayedAuction.Recorded());

    [Theory]
    [InlineData(0)]
    [InlineData(1800)]
    [InlineData(9000)]
    public void Services_without_a_fault_give_no_violation(long reserve)
    {
        Assert.Empty(Violations(PlayedAuction.Run(PlayedAuction.Recorded(reserve: reserve))));
    }

    [Fact]
    public void An_answer_with_another_price_than_the_rules_give_is_found()
    {
        _run.Answers[2].Result.State.CurrentPrice.Units++;

        Assert.Contains(Violations(_run), v => v.Invariant == "I1" && v.Detail.Contains("line 4 left", StringComparison.Ordinal));
    }

    [Fact]
    public void An_answer_with_another_outcome_than_the_rules_give_is_found()
    {
        _run.Answers[1].Result.Outcome = V1.BidOutcome.Leading;

        Assert.Contains(Violations(_run), v => v.Invariant == "I1" && v.Detail.Contains("line 3 was answered Leading", StringComparison.Ordinal));
    }

    [Fact]
    public void Bids_that_came_after_the_end_are_named_as_such()
    {
        (_run.Answers[3].Result.Outcome, _run.Answers[3].Result.RejectionReason) = (V1.BidOutcome.Rejected, V1.RejectionReason.Ended);

        Assert.Contains(Violations(_run), v => v.Invariant == "I3" && v.Detail.Contains("--end-after", StringComparison.Ordinal));
    }

    [Fact]
    public void An_acknowledged_bid_that_is_not_listed_is_found()
    {
        var violation = Assert.Single(Violations(_run with { Listed = [.. _run.Listed.Where(bid => bid.BidId != "bid-2")] }));

        Assert.Equal(("I2", "7"), (violation.Invariant, violation.AuctionId));
        Assert.Contains("bid-2", violation.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_listed_bid_that_is_not_what_was_answered_is_found()
    {
        _run.Listed[1].PriceAfter.Units--;

        Assert.Contains(Violations(_run), v => v.Invariant == "I2");
    }

    [Fact]
    public void A_listed_bid_that_nobody_was_told_of_is_found()
    {
        var other = _run.Listed[0].Clone();
        (other.BidId, other.Version) = ("another", 9);

        Assert.Equal("I5", Assert.Single(Violations(_run with { Listed = [other, .. _run.Listed] })).Invariant);
    }

    [Fact]
    public void A_refusal_that_is_forgotten_is_found()
    {
        var forgotten = _run.Outcomes.ToDictionary(outcome => outcome.Key, V1.BidResult? (_) => null);

        Assert.NotEmpty(forgotten);
        Assert.All(Violations(_run with { Outcomes = forgotten }), v => Assert.Equal("I2", v.Invariant));
        Assert.Equal(forgotten.Count, Violations(_run with { Outcomes = forgotten }).Count);
    }

    [Fact]
    public void A_viewer_that_was_shown_another_state_than_the_bidder_is_found()
    {
        _run.Frames.States[1].LeaderId = "mallory";

        Assert.Equal("I7", Assert.Single(Violations(_run)).Invariant);
    }

    [Fact]
    public void A_fault_in_the_frames_is_found()
    {
        _run.Frames.Observe(PlayedAuction.Ended(_run.Final!, lateMs: 100));

        Assert.Contains("after the final one", Assert.Single(Violations(_run)).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_final_frame_that_is_not_the_auction_is_found()
    {
        _run.Frames.Ended!.WinnerId = "mallory";

        Assert.Equal("I7", Assert.Single(Violations(_run)).Invariant);
        Assert.False(Checks.FinalFrameMatches(_run));
    }

    [Fact]
    public void A_final_frame_that_never_came_is_found()
    {
        Assert.Contains(Violations(_run with { Frames = new FrameLog() }), v => v.Invariant == "I7" && v.Detail.Contains("no final frame", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wrong_winner_is_found()
    {
        _run.Final!.WinnerId = "mallory";

        Assert.Contains(Violations(_run), v => v.Invariant == "I4");
    }

    [Fact]
    public void A_close_at_another_price_than_the_last_answer_is_found()
    {
        _run.Final!.State.CurrentPrice.Units++;

        Assert.Contains(Violations(_run), v => v.Invariant == "I4");
    }

    [Fact]
    public void An_auction_that_does_not_end_is_found()
    {
        _run.Final!.State.Status = V1.AuctionStatus.Active;

        Assert.Contains(Violations(_run), v => v.Invariant == "I9");
    }

    [Fact]
    public void An_end_more_than_a_second_late_is_found()
    {
        var late = new FrameLog();
        late.Observe(PlayedAuction.Ended(_run.Final!, lateMs: 1001));

        Assert.Equal("I9", Assert.Single(Violations(_run with { Frames = late })).Invariant);
    }

    [Fact]
    public void A_replay_that_could_not_be_carried_through_is_found()
    {
        Assert.Contains("not carried through", Assert.Single(Violations(_run with { Failure = "Internal: boom" })).Detail, StringComparison.Ordinal);
    }

    private static IReadOnlyList<Violation> Violations(AuctionRun run) => Checks.Of(run, ReplayVerdict.Of(run.Recorded));
}

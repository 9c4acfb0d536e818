using Auctions.Faults.Evidence;
using static Auctions.UnitTests.FaultChecks.FaultHistory;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>The fault run's checker on a history that keeps every promise, and on the same with one thing doctored: each must turn red.</summary>
public sealed class CheckerTests
{
    private readonly FaultHistory _history = new();

    [Fact]
    public void A_history_that_keeps_every_promise_is_clean()
    {
        var found = _history.Check();
        Assert.Empty(found.Violations);
        Assert.Equal((0, 0), (found.Lost, found.Phantom));
    }

    [Fact]
    public void An_acknowledged_bid_that_the_ledger_does_not_hold_is_lost()
    {
        _history.Ledger.RemoveAll(r => r.Kind == EntryKind.Bid && r.Version == 2);
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_acknowledged_refusal_that_the_ledger_does_not_hold_is_lost()
    {
        _history.Ledger.RemoveAll(r => r.Version is null);
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_answer_other_than_the_ledgers_is_lost()
    {
        _history.Change(1, entry => entry with { DecidedUs = entry.DecidedUs + 1 });
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_answer_with_another_price_than_the_ledgers_is_lost()
    {
        var (sent, call) = (_history.Sent[0], _history.Sent[0].Calls[0]);
        _history.Sent[0] = new SentBid(sent.AuctionId, sent.Bid);
        _history.Sent[0].Note(call with { Answer = call.Answer! with { State = call.Answer.State with { Price = 11_00 } } });
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_accepted_bid_that_nobody_sent_is_a_phantom()
    {
        _history.Sent.RemoveAt(0);
        Assert.Equal(1, _history.Check().Phantom);
    }

    [Fact]
    public void An_accepted_bid_with_other_content_than_was_sent_is_a_phantom()
    {
        var (sent, call) = (_history.Sent[0], _history.Sent[0].Calls[0]);
        _history.Sent[0] = new SentBid(sent.AuctionId, sent.Bid with { Max = 19_00 });
        _history.Sent[0].Note(call);
        Assert.Equal(1, _history.Check().Phantom);
    }

    [Fact]
    public void A_doubled_version_breaks_I1()
    {
        _history.Ledger.Add(_history.Entries.Single(r => r.Version == 2) with { Id = Guid.NewGuid() });
        Red("I1", "not one chain");
    }

    [Fact]
    public void A_gap_breaks_I1()
    {
        _history.Ledger.RemoveAll(r => r.Version == 1);
        Red("I1", "not one chain");
    }

    [Fact]
    public void A_price_that_falls_breaks_I1()
    {
        _history.Change(2, entry => entry with { After = entry.After! with { Price = 5_00 } });
        Red("I1", "the price fell");
    }

    [Fact]
    public void A_decision_that_the_rules_do_not_make_breaks_I1()
    {
        _history.Change(2, entry => entry with { After = entry.After! with { Price = 25_00 } });
        Red("I1", "the rules say");
    }

    [Fact]
    public void An_entry_on_top_of_another_than_the_one_before_breaks_I1()
    {
        _history.Change(2, entry => entry with { Prev = Guid.NewGuid() });
        Red("I1", "on top of");
    }

    [Fact]
    public void A_bid_that_was_decided_after_the_end_breaks_I3()
    {
        _history.Change(2, entry => entry with { DecidedUs = EndUs });
        Red("I3", "after the end");
    }

    [Fact]
    public void A_bid_that_was_sent_after_the_end_and_accepted_breaks_I3()
    {
        _history.Move(2, EndUs - EpochUs + SecondUs, EndUs - EpochUs + 2 * SecondUs);
        Red("I3", "first sent");
    }

    [Fact]
    public void A_winner_who_is_not_the_leader_breaks_I4()
    {
        _history.Change(3, entry => entry with { Winner = "ann" });
        Red("I4", "who leads the entry before");
    }

    [Fact]
    public void Another_answer_to_the_same_key_breaks_I5()
    {
        var call = _history.Sent[0].Calls[0];
        _history.Sent[0].Note(call with { Answer = call.Answer! with { Outcome = BidOutcome.Outbid } });
        Red("I5", "was told");
    }

    [Fact]
    public void Two_answers_to_a_key_in_the_ledger_break_I5()
    {
        _history.Ledger.Add(_history.Ledger.Single(r => r.Version is null) with { Id = Guid.NewGuid() });
        Red("I5", "2 answers");
    }

    [Fact]
    public void A_refusal_that_was_wrong_on_its_basis_breaks_I5()
    {
        var refusal = _history.Ledger.FindIndex(r => r.Version is null);
        _history.Ledger[refusal] = _history.Ledger[refusal] with { Basis = 0, Prev = _history.Ledger[0].Id };
        Red("I5", "where the rules say");
    }

    [Fact]
    public void An_outcome_that_stays_unknown_breaks_I5()
    {
        _history.Sent.Add(new SentBid(Auction, _history.Sent[0].Bid with { Key = Guid.NewGuid() }));
        _history.Sent[^1].Note(new BidCall(5 * SecondUs, 6 * SecondUs, 0, null, "Unavailable OUTCOME_UNKNOWN"));
        Red("I5", "still unknown");
    }

    [Fact]
    public void An_order_that_contradicts_real_time_breaks_linearizability()
    {
        // ann's bid, version 1, was first sent after bob's, version 2, had been answered.
        _history.Move(0, 10 * SecondUs, 11 * SecondUs);
        Red("linearizability", "stands before it");
    }

    [Fact]
    public void A_refusal_that_rests_on_what_was_long_gone_breaks_linearizability()
    {
        _history.Move(1, 10 * SecondUs, 11 * SecondUs);
        Red("linearizability", "stands before it");
    }

    [Fact]
    public void A_read_that_does_not_see_what_was_acknowledged_breaks_linearizability()
    {
        _history.Calls.Add(new ObservedCall(Auction, "GetAuction", 10 * SecondUs, 11 * SecondUs, 1));
        Red("linearizability", "GetAuction");
    }

    [Fact]
    public void Calls_that_overlap_may_stand_in_either_order()
    {
        _history.Move(0, 1 * SecondUs, 11 * SecondUs);
        _history.Move(1, 2 * SecondUs, 12 * SecondUs);
        _history.Move(2, 1 * SecondUs, 2 * SecondUs);
        Assert.Empty(_history.Check().Violations);
    }

    [Theory]
    [InlineData("price", "1")]
    [InlineData("head", "")]
    [InlineData("status", "active")]
    public void Redis_that_differs_at_rest_breaks_I6(string field, string value)
    {
        _history.Hot = _history.Hot with { Hash = new Dictionary<string, string>(_history.Hot.Hash) { [field] = value } };
        Red("I6", field);
    }

    [Fact]
    public void An_entry_that_stays_pending_breaks_I6()
    {
        _history.Hot = _history.Hot with { Pending = [4] };
        Red("I6", "pending");
    }

    [Fact]
    public void Redis_may_hold_nothing_of_an_auction()
    {
        _history.Hot = new HotCopy(new Dictionary<string, string>(), []);
        Assert.Empty(_history.Check().Violations);
    }

    [Fact]
    public void A_viewer_that_goes_back_breaks_I7()
    {
        (_history.Shown[1], _history.Shown[2]) = (_history.Shown[2], _history.Shown[1]);
        Red("I7", "went back");
    }

    [Fact]
    public void A_viewer_that_is_shown_what_is_not_the_ledgers_breaks_I7()
    {
        _history.Shown[1] = _history.Shown[1].Clone();
        _history.Shown[1].LeaderId = "eve";
        Red("I7", "was shown");
    }

    [Fact]
    public void A_viewer_whose_last_frame_is_not_the_last_state_breaks_I7()
    {
        _history.Shown.RemoveAt(3);
        Red("I7", "last frame");
    }

    [Fact]
    public void A_final_frame_that_is_missing_breaks_I7()
    {
        _history.Final = null;
        Red("I7", "no final frame");
    }

    [Fact]
    public void An_entry_that_never_came_to_Kafka_breaks_I8()
    {
        _history.Events.RemoveAll(e => e.Version == 2);
        Red("I8", "not in Kafka");
    }

    [Fact]
    public void Entries_that_came_to_Kafka_out_of_order_break_I8()
    {
        _history.Events[1] = _history.Events[1] with { Order = 90 };
        Red("I8", "came to Kafka");
    }

    [Fact]
    public void A_rows_changes_out_of_order_are_no_harm_where_Kafka_has_lost_everything_and_got_a_snapshot()
    {
        _history.EventIsWhole = false;
        _history.Heads = [new EventEvent(0, _history.Row.Head, 3), new EventEvent(1, Guid.NewGuid(), 1), new EventEvent(2, _history.Row.Head, 3)];
        Assert.Empty(_history.Check().Violations);
        _history.EventIsWhole = true;
        Red("I8", "came to Kafka (auctions)");
    }

    [Fact]
    public void What_came_to_Kafka_again_is_no_harm()
    {
        _history.Events.AddRange([.. _history.Events.Select(e => e with { Order = e.Order + 50 })]);
        Assert.Empty(_history.Check().Violations);
    }

    [Fact]
    public void An_auction_that_is_not_sealed_breaks_I9()
    {
        _history.Ledger.RemoveAll(r => r.Kind == EntryKind.Sealed);
        Red("I9", "should have been sealed");
    }

    [Fact]
    public void A_late_sealing_breaks_I9_unless_something_was_broken()
    {
        _history.Change(3, entry => entry with { DecidedUs = EndUs + 8 * SecondUs });
        Red("I9", "sealed 8.00 s after its end");
        _history.Disturbances.Add((EndUs - SecondUs, EndUs + 5 * SecondUs));
        Assert.Empty(_history.Check().Violations);
        _history.Disturbances[0] = (EndUs - SecondUs, EndUs + 3 * SecondUs);
        Red("I9", "2.00 s of it with nothing broken");
    }

    private void Red(string invariant, string detail) =>
        Assert.Contains(_history.Check().Violations, v => v.Invariant == invariant && v.Detail.Contains(detail, StringComparison.Ordinal));
}

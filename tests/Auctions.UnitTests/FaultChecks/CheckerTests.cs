using Auctions.Faults.Evidence;
using static Auctions.UnitTests.FaultChecks.FaultHistory;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>
/// The fault run's checker on a history that keeps every promise, and on the same history with one thing broken: each
/// must turn red.
/// </summary>
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
    public void An_acknowledged_bid_that_is_not_in_the_ledger_is_lost()
    {
        _history.Ledger.RemoveAll(r => r.Kind == EntryKind.Bid && r.Version == 2);
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_acknowledged_rejection_that_is_not_in_the_ledger_is_lost()
    {
        _history.Ledger.RemoveAll(r => r.Version is null);
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_answer_that_differs_from_the_ledger_is_lost()
    {
        _history.Change(1, entry => entry with { DecidedUs = entry.DecidedUs + 1 });
        Assert.Equal(1, _history.Check().Lost);
    }

    [Fact]
    public void An_answer_with_another_price_than_the_ledger_is_lost()
    {
        var (sent, call) = (_history.Sent[0], _history.Sent[0].Calls[0]);
        _history.Sent[0] = new SentBid(sent.AuctionId, sent.Bid);
        var state = call.Answer!.State with { Price = 11_00 };
        _history.Sent[0].Note(call with { Answer = call.Answer with { State = state } });
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
    public void An_entry_on_top_of_another_entry_breaks_I1()
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
        Red("I4", "the leader of the entry before");
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
    public void A_rejection_that_the_rules_do_not_make_breaks_I5()
    {
        var rejection = _history.Ledger.FindIndex(r => r.Version is null);
        _history.Ledger[rejection] = _history.Ledger[rejection] with { Basis = 0, Prev = _history.Ledger[0].Id };
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
        Red("linearizability", "precedes it in the ledger");
    }

    [Fact]
    public void A_rejection_on_an_old_entry_breaks_linearizability()
    {
        _history.Move(1, 10 * SecondUs, 11 * SecondUs);
        Red("linearizability", "precedes it in the ledger");
    }

    [Fact]
    public void A_read_that_misses_an_acknowledged_bid_breaks_linearizability()
    {
        _history.Calls.Add(new ObservedCall(Auction, "GetAuction", 10 * SecondUs, 11 * SecondUs, 1));
        Red("linearizability", "GetAuction");
    }

    [Fact]
    public void Overlapping_calls_may_be_in_either_order()
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
        var hash = new Dictionary<string, string>(_history.Hot.Hash) { [field] = value };
        _history.Hot = _history.Hot with { Hash = hash };
        Red("I6", field);
    }

    [Fact]
    public void An_entry_that_stays_pending_breaks_I6()
    {
        _history.Hot = _history.Hot with { Pending = [4] };
        Red("I6", "pending");
    }

    [Fact]
    public void Redis_may_have_nothing_of_an_auction()
    {
        _history.Hot = new HotStateCopy(new Dictionary<string, string>(), []);
        Assert.Empty(_history.Check().Violations);
    }

    [Fact]
    public void A_viewer_that_goes_back_breaks_I7()
    {
        (_history.Shown[1], _history.Shown[2]) = (_history.Shown[2], _history.Shown[1]);
        Red("I7", "went back");
    }

    [Fact]
    public void A_viewer_that_is_shown_another_state_than_the_ledger_breaks_I7()
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
    public void A_missing_final_frame_breaks_I7()
    {
        _history.Final = null;
        Red("I7", "no final frame");
    }

    [Fact]
    public void An_entry_that_is_not_in_Kafka_breaks_I8()
    {
        _history.LedgerEvents.RemoveAll(e => e.Version == 2);
        Red("I8", "not in Kafka");
    }

    [Fact]
    public void Entries_out_of_order_in_Kafka_break_I8()
    {
        _history.LedgerEvents[1] = _history.LedgerEvents[1] with { Order = 90 };
        Red("I8", "came to Kafka");
    }

    [Fact]
    public void Events_of_a_row_may_be_out_of_order_after_Kafka_lost_everything_and_got_a_snapshot()
    {
        _history.KafkaIsComplete = false;
        var head = _history.Row.Head;
        _history.AuctionEvents = [new(0, head, 3), new(1, Guid.NewGuid(), 1), new(2, head, 3)];
        Assert.Empty(_history.Check().Violations);
        _history.KafkaIsComplete = true;
        Red("I8", "came to Kafka (auctions)");
    }

    [Fact]
    public void Events_may_come_to_Kafka_again()
    {
        _history.LedgerEvents.AddRange([.. _history.LedgerEvents.Select(e => e with { Order = e.Order + 50 })]);
        Assert.Empty(_history.Check().Violations);
    }

    [Fact]
    public void An_auction_that_is_not_sealed_breaks_I9()
    {
        _history.Ledger.RemoveAll(r => r.Kind == EntryKind.Sealed);
        Red("I9", "should have been sealed");
    }

    [Fact]
    public void A_late_sealing_breaks_I9_unless_there_was_a_fault()
    {
        _history.Change(3, entry => entry with { DecidedUs = EndUs + 8 * SecondUs });
        Red("I9", "sealed 8.00 s after its end");
        _history.Disturbances.Add(new Disturbance(EndUs - SecondUs, EndUs + 5 * SecondUs));
        Assert.Empty(_history.Check().Violations);
        _history.Disturbances[0] = new Disturbance(EndUs - SecondUs, EndUs + 3 * SecondUs);
        Red("I9", "2.00 s of it without any fault");
    }

    [Fact]
    public void A_late_sealing_breaks_I9_if_only_other_auctions_had_a_fault()
    {
        _history.Change(3, entry => entry with { DecidedUs = EndUs + 8 * SecondUs });
        var others = new HashSet<Guid> { Guid.NewGuid() };
        _history.Disturbances.Add(new Disturbance(EndUs - SecondUs, EndUs + 8 * SecondUs, others));
        Red("I9", "sealed 8.00 s after its end");
    }

    private void Red(string invariant, string detail) => Assert.Contains(
        _history.Check().Violations,
        v => v.Invariant == invariant && v.Detail.Contains(detail, StringComparison.Ordinal));
}

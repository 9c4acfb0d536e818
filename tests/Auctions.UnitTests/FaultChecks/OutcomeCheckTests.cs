using Auctions.Faults.Evidence;
using static Auctions.UnitTests.FaultChecks.FaultHistory;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>
/// What the fault run's checker says of times, and of an outcome that contradicts what was acknowledged: correct
/// histories, and the same with one thing broken.
/// </summary>
public sealed class OutcomeCheckTests
{
    private readonly FaultHistory _history = new();
    private readonly FaultHistory _bought = new(bought: true);

    [Fact]
    public void A_history_with_a_purchase_is_clean() => Assert.Empty(_bought.Check().Violations);

    [Fact]
    public void A_decision_time_that_falls_breaks_I11()
    {
        _history.Change(2, entry => entry with { DecidedUs = EpochUs + SecondUs });
        Red(_history, "I11", "before the entry that it follows");
    }

    [Fact]
    public void Bids_may_be_decided_at_the_same_time()
    {
        var first = _history.Entries.Single(r => r.Version == 1).DecidedUs;
        _history.Change(2, entry => entry with { DecidedUs = first });
        Assert.DoesNotContain(_history.Check().Violations, v => v.Invariant == "I11");
    }

    [Fact]
    public void A_sealing_entry_at_the_time_of_the_last_bid_breaks_I11()
    {
        var last = _history.Entries.Single(r => r.Version == 2).DecidedUs;
        _history.Change(3, entry => entry with { DecidedUs = last });
        Red(_history, "I11", "Sealed was decided");
    }

    [Fact]
    public void An_accepted_bid_that_was_recorded_long_before_its_decision_breaks_I11()
    {
        _history.Change(1, entry => entry with { RecordedUs = entry.DecidedUs - 3_600 * SecondUs });
        Red(_history, "I11", "recorded 3600.0 s before");
    }

    [Fact]
    public void A_rejected_bid_that_was_recorded_long_before_its_decision_breaks_I11()
    {
        var place = _history.Ledger.FindIndex(r => r.Version is null);
        var rejection = _history.Ledger[place];
        _history.Ledger[place] = rejection with { RecordedUs = rejection.DecidedUs - 2 * SecondUs };
        Red(_history, "I11", "recorded 2.0 s before");
    }

    [Fact]
    public void A_sealing_before_the_end_by_the_ledgers_clock_breaks_I9()
    {
        _history.Change(3, entry => entry with { RecordedUs = EndUs - 600 * SecondUs });
        Red(_history, "I9", "600.0 s before its end");
    }

    [Fact]
    public void An_acknowledged_bid_at_the_declared_end_breaks_I3()
    {
        var last = _history.Entries.Single(r => r.Version == 2).DecidedUs;
        _history.Change(3, entry => entry with
        {
            After = entry.After! with { EndUs = last },
            EndReason = EndReason.EndedBySeller,
        });
        Red(_history, "I3", "decided 0 us after the declared end");
    }

    [Fact]
    public void A_purchase_that_is_cancelled_breaks_I3()
    {
        _bought.Change(4, entry => entry with
        {
            After = entry.After! with { Status = AuctionStatus.Cancelled },
            EndReason = EndReason.None,
            Winner = "",
        });
        Red(_bought, "I3", "carol was told that the lot is bought");
        Red(_bought, "I3", "carol bought it, but it ended as None");
    }

    [Fact]
    public void A_bid_after_a_purchase_breaks_I3()
    {
        var bid = _bought.Entries.Single(r => r.Version == 2) with { Id = Guid.NewGuid(), Version = 4 };
        _bought.Change(4, entry => entry with { Version = 5 });
        _bought.Ledger.Add(bid);
        Red(_bought, "I3", "Bid follows the purchase of carol");
    }

    [Theory]
    [InlineData("EndAuction")]
    [InlineData("CancelAuction")]
    public void An_auction_that_did_not_end_as_its_seller_was_told_breaks_I3(string call)
    {
        _history.Calls.Add(new ObservedCall(Auction, call, 1, EndUs, 3));
        Red(_history, "I3", $"{call} was answered");
    }

    private static void Red(FaultHistory history, string invariant, string detail) => Assert.Contains(
        history.Check().Violations,
        v => v.Invariant == invariant && v.Detail.Contains(detail, StringComparison.Ordinal));
}

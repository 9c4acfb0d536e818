using Auctions.Faults.Evidence;
using Auctions.Faults.Injection;
using Auctions.Faults.Report;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>What a fault run says of other auctions' calls while rows are locked.</summary>
public sealed class BystandersTests
{
    private const long SecondUs = 1_000_000;

    private static readonly Guid Locked = Guid.NewGuid(), Other = Guid.NewGuid();

    private readonly List<InjectedFault> _faults =
    [
        new(FaultKind.RowLock, "1 auctions", 10 * SecondUs, 30 * SecondUs, new HashSet<Guid> { Locked }),
    ];

    [Fact]
    public void Another_auctions_call_without_an_answer_breaks_I10()
    {
        var violation = Assert.Single(Of(Other, 12 * SecondUs, answered: false)!.Violations);
        Assert.Equal(("I10", Other.ToString()), (violation.Invariant, violation.AuctionId));
        Assert.Contains("DeadlineExceeded", violation.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_counts_however_late_it_is()
    {
        var others = Of(Other, 12 * SecondUs, answered: true);
        Assert.Equal((1, 1, 4_000.0), (others!.Calls, others.Answered, others.P99Ms));
        Assert.Empty(others.Violations);
    }

    [Fact]
    public void The_locked_auction_may_be_without_an_answer() =>
        Assert.Null(Of(Locked, 12 * SecondUs, answered: false));

    [Theory]
    [InlineData(9)]
    [InlineData(30)]
    public void A_call_before_or_after_the_lock_does_not_count(int second) =>
        Assert.Null(Of(Other, second * SecondUs, answered: false));

    [Fact]
    public void Another_fault_at_the_same_time_is_an_excuse()
    {
        _faults.Add(new InjectedFault(FaultKind.Outside, "postgres", 11 * SecondUs, 13 * SecondUs));
        Assert.Null(Of(Other, 12 * SecondUs, answered: false));
        Assert.Null(Of(Other, 15 * SecondUs, answered: false));
        Assert.NotEmpty(Of(Other, 17 * SecondUs, answered: false)!.Violations);
    }

    private Bystanders? Of(Guid auctionId, long beganUs, bool answered)
    {
        var bid = new SentBid(auctionId, new Bid("ann", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 100));
        var state = AuctionState.Opened(AuctionStatus.Active, 0);
        var answer = new BidAnswer(BidOutcome.Rejected, RejectionReason.TooLow, Guid.Empty, 0, state, false, 0);
        bid.Note(new BidCall(
            beganUs, beganUs + 4 * SecondUs, 0, answered ? answer : null, answered ? "" : "DeadlineExceeded"));
        return Bystanders.Of([bid], _faults);
    }
}

using Auctions.Core;

namespace Auctions.Faults.Evidence;

/// <summary>What a bidder was told. Amounts are minor units, times are microseconds since 1970.</summary>
/// <param name="BidId">Empty for a rejection.</param>
/// <param name="State">The state after the decision. The ceiling is secret, and 0 here.</param>
public sealed record BidAnswer(
    BidOutcome Outcome, RejectionReason Reason, Guid BidId, long Version, AuctionState State, bool ReserveMet,
    long DecidedUs)
{
    public bool Accepted => Outcome != BidOutcome.Rejected;
}

/// <summary>One call as its caller saw it. Times are microseconds of the run's monotonic clock.</summary>
/// <param name="Instance">The called instance of BiddingService, from 0.</param>
/// <param name="Answer">Null if the call ended without one.</param>
/// <param name="Error">Then: the status code, and the reason if one was given.</param>
public sealed record BidCall(long BeganUs, long EndedUs, int Instance, BidAnswer? Answer, string Error);

/// <summary>
/// A bid that a bidder wants to place: one idempotency key, sent until its outcome is known, and sometimes more often.
/// Several tasks may note calls at the same time.
/// </summary>
public sealed class SentBid(Guid auctionId, Bid bid)
{
    private readonly List<BidCall> _calls = new(1);

    public Guid AuctionId { get; } = auctionId;
    public Bid Bid { get; } = bid;

    /// <summary>In the order in which they ended.</summary>
    public IReadOnlyList<BidCall> Calls => _calls;

    /// <summary>The first answer; null while the outcome is unknown.</summary>
    public BidAnswer? Answer { get; private set; }

    /// <summary>The earliest time at which the bid may have been decided.</summary>
    public long BeganUs { get; private set; } = long.MaxValue;

    /// <summary>The latest time at which it was decided; the end of time while the outcome is unknown.</summary>
    public long KnownUs { get; private set; } = long.MaxValue;

    public void Note(BidCall call)
    {
        lock (_calls)
        {
            _calls.Add(call);
            BeganUs = Math.Min(BeganUs, call.BeganUs);
            if (call.Answer is null) return;
            Answer ??= call.Answer;
            KnownUs = Math.Min(KnownUs, call.EndedUs);
        }
    }
}

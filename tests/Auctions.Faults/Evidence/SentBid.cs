using Auctions.Core;

namespace Auctions.Faults.Evidence;

/// <summary>What a bidder was told. Amounts in minor units, times in microseconds since 1970.</summary>
/// <param name="BidId">Empty in a refusal.</param>
/// <param name="State">That the decision left; the ceiling is not told, and 0 here.</param>
public sealed record BidAnswer(
    BidOutcome Outcome, RejectionReason Reason, Guid BidId, long Version, AuctionState State, bool ReserveMet, long DecidedUs)
{
    public bool Accepted => Outcome != BidOutcome.Rejected;
}

/// <summary>One call, as its caller saw it. Began and Ended by the run's monotonic clock, microseconds.</summary>
/// <param name="Instance">Which BiddingService was called, from 0.</param>
/// <param name="Answer">Null where the call ended without one.</param>
/// <param name="Error">How it ended then: the status code, and the reason where one was given.</param>
public sealed record BidCall(long BeganUs, long EndedUs, int Instance, BidAnswer? Answer, string Error);

/// <summary>
/// A bid that somebody wanted to place: one idempotency key, sent as often as it took to learn its outcome, and sometimes more often. Calls
/// may be noted from several tasks at once.
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

    /// <summary>From here on the bid may have been decided.</summary>
    public long BeganUs { get; private set; } = long.MaxValue;

    /// <summary>By then it had been; the end of time while the outcome is unknown.</summary>
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

using System.Collections.Concurrent;
using Auctions.Ctl;
using Auctions.Faults.Evidence;
using Auctions.V1;

namespace Auctions.Faults.Load;

/// <summary>
/// Everything that clients did and were told, and counts for the progress line. Safe for concurrent use.
/// </summary>
public sealed class LoadLog(LotCatalog catalog)
{
    private readonly ConcurrentQueue<SentBid> _bids = new();
    private readonly ConcurrentQueue<ObservedCall> _calls = new();
    private readonly ConcurrentQueue<long> _answeredUs = new();
    private readonly ConcurrentQueue<Violation> _unexpected = new();
    private readonly ConcurrentDictionary<Guid, Lot> _lots = new();
    private readonly ConcurrentDictionary<string, int> _errors = new(StringComparer.Ordinal);
    private long _sent, _answered, _callCount;

    public IReadOnlyCollection<SentBid> Bids => _bids;
    public IReadOnlyCollection<ObservedCall> Calls => _calls;

    /// <summary>When each key was first answered, by the run's clock; nearly in order.</summary>
    public IReadOnlyCollection<long> AnsweredUs => _answeredUs;

    /// <summary>Answers that the contract does not allow for a client that follows it.</summary>
    public IReadOnlyCollection<Violation> UnexpectedAnswers => _unexpected;

    /// <summary>How many calls ended without an answer, by error.</summary>
    public IReadOnlyDictionary<string, int> Errors => _errors;

    public long Sent => Interlocked.Read(ref _sent);
    public long Answered => Interlocked.Read(ref _answered);
    public long CallCount => Interlocked.Read(ref _callCount);

    public void Opened(Lot lot)
    {
        _lots[lot.Id] = lot;
        catalog.Add(lot);
    }

    public SentBid Add(SentBid bid)
    {
        _bids.Enqueue(bid);
        Interlocked.Increment(ref _sent);
        return bid;
    }

    public void Called(BidCall call, bool firstAnswer)
    {
        Interlocked.Increment(ref _callCount);
        if (call.Answer is null) _errors.AddOrUpdate(call.Error, 1, (_, n) => n + 1);
        if (!firstAnswer) return;
        Interlocked.Increment(ref _answered);
        _answeredUs.Enqueue(call.EndedUs);
    }

    public void Observed(ObservedCall call) => _calls.Enqueue(call);

    /// <summary>Notes a state that a participant has seen. From now on all bid accordingly.</summary>
    public void Learn(Guid auctionId, AuctionState state)
    {
        if (!_lots.TryGetValue(auctionId, out var lot)) return;
        lot.RaiseMinimum(AnswerMap.Minor(state.MinimumBid));
        if (state.Status is AuctionStatus.Ended or AuctionStatus.Cancelled) lot.IsOver = true;
    }

    public void Unexpected(Guid auctionId, string what) =>
        _unexpected.Enqueue(new Violation("contract", auctionId.ToString(), null, what));
}

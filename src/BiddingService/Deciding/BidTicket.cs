using Auctions.Core;

namespace BiddingService;

/// <summary>
/// The bid of one call on its way from the caller to the ledger and back. One stage at a time owns it: the queue, then
/// the lane, then the queue again after a conflict. Only the completion may come from any thread at any time.
/// </summary>
/// <param name="limited">Whether the velocity limit applies to this bid.</param>
/// <param name="began">When the call arrived, as a timestamp of the process' time provider.</param>
/// <param name="leave">
/// Called once, when the bid is through: it was answered, failed, or left undecided. A caller that goes away earlier
/// does not end it.
/// </param>
internal sealed class BidTicket(Guid auctionId, Bid bid, bool limited, long began, Action leave)
{
    /// <summary>
    /// Its completion runs the caller's continuation at once, up to the response. So a ticket must not be completed
    /// under a lock.
    /// </summary>
    private readonly TaskCompletionSource<BidAnswer> _answer = new();

    private int _left;

    /// <summary>The ids of this call's decisions.</summary>
    private readonly List<Guid> _ids = new(1);

    public Guid AuctionId { get; } = auctionId;

    public Bid Bid { get; } = bid;

    /// <summary>Whether the velocity limit applies to this bid.</summary>
    public bool Limited { get; } = limited;

    /// <summary>When the call arrived, as a timestamp of the process' time provider.</summary>
    public long Began { get; } = began;

    /// <summary>
    /// The last decision: this call's, or the first answer to its key, given to an earlier call. Null before the first
    /// decision.
    /// </summary>
    public DecidedBid? Decided { get; set; }

    /// <summary>The terms under which the last decision was made; see <see cref="BidAnswer"/>.</summary>
    public Terms? Terms { get; set; }

    /// <summary>The queue's hydration epoch at the time of the last decision.</summary>
    public int Epoch { get; set; }

    /// <summary>The number of decisions that were asked for.</summary>
    public int Attempts => _ids.Count;

    /// <summary>
    /// Whether the last decision is an earlier answer to the key, and not the one that was asked for.
    /// </summary>
    public bool IsReplay => Decided!.Id != _ids[^1];

    public Task<BidAnswer> Answer => _answer.Task;

    /// <summary>Whether nobody waits any more: the call was answered or failed, or the caller has gone.</summary>
    public bool IsCompleted => _answer.Task.IsCompleted;

    /// <summary>A new id for the next decision.</summary>
    public Guid NextId()
    {
        var id = Guid.CreateVersion7();
        _ids.Add(id);
        return id;
    }

    /// <summary>Answers the call with what the ledger holds.</summary>
    public void Complete(DecidedBid answer)
    {
        Leave();
        _answer.TrySetResult(new BidAnswer(answer, Terms!, Replayed: !_ids.Contains(answer.Id)));
    }

    public void Fail(Exception fault)
    {
        Leave();
        _answer.TrySetException(fault);
    }

    /// <summary>The caller has gone. A decision that was already made stays valid.</summary>
    public void Cancel() => _answer.TrySetCanceled();

    /// <summary>The bid is through, or nothing waits for it any more.</summary>
    public void Leave()
    {
        if (Interlocked.Exchange(ref _left, 1) == 0) leave();
    }
}

/// <summary>An answer that is in the ledger.</summary>
/// <param name="Terms">
/// The terms of the decision. While the bid is on its way, they may be those of a later call with the same key:
/// <see cref="DecidedBid.TermsDigest"/> tells.
/// </param>
/// <param name="Replayed">Whether it is the answer to an earlier call with the same key.</param>
internal sealed record BidAnswer(DecidedBid Bid, Terms Terms, bool Replayed);

using Auctions.Core;

namespace BiddingService;

/// <summary>One call's bid on its way from the caller to the ledger and back. Owned by one stage at a time.</summary>
internal sealed class BidTicket(Guid auctionId, Bid bid, bool limited)
{
    /// <summary>Who completes it runs what follows, up to the answer on its way to the caller: never under a lock.</summary>
    private readonly TaskCompletionSource<BidAnswer> _answer = new();
    private readonly List<Guid> _ids = new(1);

    public Guid AuctionId { get; } = auctionId;

    public Bid Bid { get; } = bid;

    /// <summary>Whether the bidder's velocity counts.</summary>
    public bool Limited { get; } = limited;

    /// <summary>The last decision, this call's or an earlier one's under the same key; null before the first.</summary>
    public DecidedBid? Decided { get; set; }

    /// <summary>The terms of the last decision.</summary>
    public Terms? Terms { get; set; }

    /// <summary>The queue's hydrations when it was decided: tells a refusal that is news from one that is not.</summary>
    public int Generation { get; set; }

    /// <summary>How often it was decided.</summary>
    public int Attempts => _ids.Count;

    /// <summary>Whether the last decision is not the one that was asked for last: it is an earlier answer.</summary>
    public bool IsReplay => Decided!.Id != _ids[^1];

    public Task<BidAnswer> Answer => _answer.Task;

    /// <summary>Nobody waits for the answer any more: it was given, or the caller has gone or was told that it is not known.</summary>
    public bool IsOver => _answer.Task.IsCompleted;

    /// <summary>A new id for the next decision.</summary>
    public Guid NextId()
    {
        var id = Guid.CreateVersion7();
        _ids.Add(id);
        return id;
    }

    /// <summary>Hands out the answer that the ledger holds.</summary>
    public void Complete(DecidedBid answer) =>
        _answer.TrySetResult(new BidAnswer(answer, Terms!, Replayed: !_ids.Contains(answer.Id)));

    public void Fail(Exception fault) => _answer.TrySetException(fault);

    /// <summary>The caller has gone. What is decided already stays so.</summary>
    public void Leave() => _answer.TrySetCanceled();
}

/// <summary>An answer that is in the ledger.</summary>
/// <param name="Terms">The terms that it was decided under, or a later call's: see <see cref="DecidedBid.TermsDigest"/>.</param>
/// <param name="Replayed">It is the answer to an earlier call with the same key.</param>
internal sealed record BidAnswer(DecidedBid Bid, Terms Terms, bool Replayed);

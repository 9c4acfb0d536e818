using Auctions.Core;

namespace Auctions.Platform.Ledger;

/// <summary>What a statement said of a bid.</summary>
internal enum Became : byte { Unsaid, Appended, Known, Early, Refused, Repeated }

/// <summary>The bids of one append, and what is known of each so far. Bids are meant by their places in the list.</summary>
internal sealed class Append(IReadOnlyList<DecidedBid> bids)
{
    private readonly DecidedBid?[] _answers = new DecidedBid?[bids.Count];

    public IReadOnlyList<DecidedBid> Bids { get; } = bids;

    public Became[] Became { get; } = new Became[bids.Count];

    /// <summary>Those of which nothing is known, in order.</summary>
    public int[] Left() => [.. Enumerable.Range(0, Became.Length).Where(i => Became[i] == Ledger.Became.Unsaid)];

    /// <summary>The ledger holds this as the answer to the bid's key; of a bid that was appended just now it is the bid itself.</summary>
    public void Answer(int place, DecidedBid answer)
    {
        if (Became[place] != Ledger.Became.Appended) (Became[place], _answers[place]) = (Ledger.Became.Known, answer);
    }

    /// <summary>
    /// Leaves what is in the ledger; and what is early, unless a bid that it rests on may be among those of which nothing is known. What was
    /// refused may have been appended by another instance.
    /// </summary>
    public void KeepWhatIsCertain()
    {
        var complete = !Became.Contains(Ledger.Became.Unsaid);
        foreach (ref var became in Became.AsSpan())
        {
            if (became == Ledger.Became.Refused || (became == Ledger.Became.Early && !complete)) became = Ledger.Became.Unsaid;
        }
    }

    /// <summary>The transaction was rolled back.</summary>
    public void ForgetAll()
    {
        Array.Clear(Became);
        Array.Clear(_answers);
    }

    /// <summary>One a bid, in order.</summary>
    public AppendResult[] Results() => [.. Bids.Select((bid, i) => Became[i] switch
    {
        Ledger.Became.Appended => new AppendResult(AppendOutcome.Appended, bid),
        Ledger.Became.Early => new AppendResult(AppendOutcome.Early, null),
        // Repeated without an answer: the first bid under its key did not get in.
        Ledger.Became.Refused or Ledger.Became.Repeated => new AppendResult(AppendOutcome.Refused, null),
        Ledger.Became.Known when _answers[i] is { } answer =>
            new AppendResult(answer.Id == bid.Id ? AppendOutcome.AlreadyThere : AppendOutcome.Answered, answer),
        Ledger.Became.Known => throw new InvalidOperationException($"Auction {bid.AuctionId}: the answer to key {bid.Bid.Key} rests on no entry."),
        _ => throw new InvalidOperationException($"The append of {bid.Id} to auction {bid.AuctionId} said nothing of it."),
    })];
}

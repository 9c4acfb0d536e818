using Auctions.Core;

namespace Auctions.Platform.Ledger;

/// <summary>What a statement said of a bid.</summary>
internal enum Became : byte { Unsaid, Appended, Known, Early, Refused }

/// <summary>The bids of one append, and what is known of each so far. Bids are meant by their places in the list.</summary>
internal sealed class Append(IReadOnlyList<DecidedBid> bids)
{
    private readonly DecidedBid?[] _answers = new DecidedBid?[bids.Count];

    public IReadOnlyList<DecidedBid> Bids { get; } = bids;

    public Became[] Became { get; } = new Became[bids.Count];

    /// <summary>Those of which nothing is known, in order.</summary>
    public int[] Left() => [.. Enumerable.Range(0, Became.Length).Where(i => Became[i] == Ledger.Became.Unsaid)];

    /// <summary>An auction's bids one after another, in the order that they have.</summary>
    public IEnumerable<int> ByAuction(IEnumerable<int> places) => places.OrderBy(i => Bids[i].AuctionId);

    public Guid[] AuctionsOf(IEnumerable<int> places) => [.. places.Select(i => Bids[i].AuctionId).Distinct()];

    /// <summary>In the order of <c>answers_to_keys.sql</c>.</summary>
    public object[] KeysOf(int[] places)
    {
        var bids = Array.ConvertAll(places, i => Bids[i]);
        return [Array.ConvertAll(bids, b => b.AuctionId), Array.ConvertAll(bids, b => b.Bid.Bidder), Array.ConvertAll(bids, b => b.Bid.Key)];
    }

    /// <summary>
    /// Of those whose keys the ledger was asked for: what it does not know, but each key once. Where a key comes again the second bid has the first one's
    /// answer, and no accepted bid of the auction can follow it.
    /// </summary>
    public (int[] Unknown, int[] Repeated) PartUnknown(int[] places)
    {
        var (unknown, repeated) = (new List<int>(), new List<int>());
        var (keys, broken) = (new HashSet<(Guid, string, Guid)>(), new HashSet<Guid>());
        foreach (var place in places.Where(i => Became[i] == Ledger.Became.Unsaid).OrderByDescending(i => Bids[i].Accepted)) // the order of the append
        {
            var bid = Bids[place];
            if (!keys.Add((bid.AuctionId, bid.Bid.Bidder, bid.Bid.Key)))
            {
                Became[place] = Ledger.Became.Refused;
                repeated.Add(place);
                if (bid.Accepted) broken.Add(bid.AuctionId);
            }
            else if (bid.Accepted && broken.Contains(bid.AuctionId))
            {
                Became[place] = Ledger.Became.Refused;
            }
            else
            {
                unknown.Add(place);
            }
        }

        return ([.. unknown], [.. repeated]);
    }

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
    public void ForgetAll() => Forget([.. Enumerable.Range(0, Became.Length)]);

    public void Forget(int[] places)
    {
        foreach (var place in places) (Became[place], _answers[place]) = (Ledger.Became.Unsaid, null);
    }

    /// <summary>One a bid, in order.</summary>
    public AppendResult[] Results() => [.. Bids.Select((bid, i) => Became[i] switch
    {
        Ledger.Became.Appended => new AppendResult(AppendOutcome.Appended, bid),
        Ledger.Became.Early => new AppendResult(AppendOutcome.Early, null),
        Ledger.Became.Refused => new AppendResult(AppendOutcome.Refused, null),
        Ledger.Became.Known => new AppendResult(_answers[i]!.Id == bid.Id ? AppendOutcome.AlreadyThere : AppendOutcome.Answered, _answers[i]),
        _ => throw new InvalidOperationException($"The append of {bid.Id} to auction {bid.AuctionId} said nothing of it."),
    })];
}

using Auctions.Core;

namespace Auctions.Ledger;

/// <summary>What a statement said of a bid.</summary>
internal enum AppendStatus : byte { Unknown, Appended, Known, Early, Conflict }

/// <summary>The bids of one append, and what is known of each so far. Bids are meant by their places in the list.</summary>
internal sealed class Append(IReadOnlyList<DecidedBid> bids)
{
    private readonly DecidedBid?[] _answers = new DecidedBid?[bids.Count];

    public IReadOnlyList<DecidedBid> Bids { get; } = bids;

    public AppendStatus[] AppendStatus { get; } = new AppendStatus[bids.Count];

    /// <summary>Those of which nothing is known, in order.</summary>
    public int[] Left() => [.. Enumerable.Range(0, AppendStatus.Length).Where(i => AppendStatus[i] == Ledger.AppendStatus.Unknown)];

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
        foreach (var place in places.Where(i => AppendStatus[i] == Ledger.AppendStatus.Unknown).OrderByDescending(i => Bids[i].Accepted)) // the order of the append
        {
            var bid = Bids[place];
            if (!keys.Add((bid.AuctionId, bid.Bid.Bidder, bid.Bid.Key)))
            {
                AppendStatus[place] = Ledger.AppendStatus.Conflict;
                repeated.Add(place);
                if (bid.Accepted) broken.Add(bid.AuctionId);
            }
            else if (bid.Accepted && broken.Contains(bid.AuctionId))
            {
                AppendStatus[place] = Ledger.AppendStatus.Conflict;
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
        if (AppendStatus[place] != Ledger.AppendStatus.Appended) (AppendStatus[place], _answers[place]) = (Ledger.AppendStatus.Known, answer);
    }

    /// <summary>
    /// Leaves what is in the ledger; and what is early, unless a bid that it rests on may be among those of which nothing is known. What was
    /// refused may have been appended by another instance.
    /// </summary>
    public void KeepWhatIsCertain()
    {
        var complete = !AppendStatus.Contains(Ledger.AppendStatus.Unknown);
        foreach (ref var became in AppendStatus.AsSpan())
        {
            if (became == Ledger.AppendStatus.Conflict || (became == Ledger.AppendStatus.Early && !complete)) became = Ledger.AppendStatus.Unknown;
        }
    }

    /// <summary>The transaction was rolled back.</summary>
    public void ForgetAll() => Forget([.. Enumerable.Range(0, AppendStatus.Length)]);

    public void Forget(int[] places)
    {
        foreach (var place in places) (AppendStatus[place], _answers[place]) = (Ledger.AppendStatus.Unknown, null);
    }

    /// <summary>One a bid, in order.</summary>
    public AppendResult[] Results() => [.. Bids.Select((bid, i) => AppendStatus[i] switch
    {
        Ledger.AppendStatus.Appended => new AppendResult(AppendOutcome.Appended, bid),
        Ledger.AppendStatus.Early => new AppendResult(AppendOutcome.Early, null),
        Ledger.AppendStatus.Conflict => new AppendResult(AppendOutcome.Conflict, null),
        Ledger.AppendStatus.Known => new AppendResult(_answers[i]!.Id == bid.Id ? AppendOutcome.AlreadyThere : AppendOutcome.Answered, _answers[i]),
        _ => throw new InvalidOperationException($"The append of {bid.Id} to auction {bid.AuctionId} said nothing of it."),
    })];
}

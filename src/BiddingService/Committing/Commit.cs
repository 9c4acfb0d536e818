using Auctions.Core;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// The content of one transaction, and its results: every decision once, an auction's decisions in version order, and
/// the tickets that wait for each of them.
/// </summary>
internal sealed class Commit
{
    private readonly List<CommitLane.Item> _items;
    private readonly List<DecidedBid> _bids;
    private readonly Dictionary<Guid, int> _indexOf = [];
    private bool[] _fresh;

    /// <remarks>
    /// Several calls with one key may wait for the same decision; the one that made it came first, so its ticket stands
    /// for all. A replayed decision may have a lower version than its neighbours, so they are sorted.
    /// </remarks>
    public Commit(List<CommitLane.Item> batch)
    {
        _items = [.. batch.Where(i => i.Ticket is not null)];
        BidTicket[] decisions = [.. _items.Select(i => i.Ticket!).DistinctBy(t => t.Decided!.Id)];
        Array.Sort(decisions, (a, b) => Order(a.Decided!).CompareTo(Order(b.Decided!)));
        _bids = [.. decisions.Select(t => t.Decided!)];
        _fresh = [.. decisions.Select(t => !t.IsReplay)];
        for (var i = 0; i < _bids.Count; i++) _indexOf[_bids[i].Id] = i;

        // A rejected bid has the version of the entry on which it rests, and comes after that entry.
        static (Guid, long, bool) Order(DecidedBid bid) => (bid.AuctionId, bid.Version, !bid.Accepted);
    }

    public IReadOnlyList<CommitLane.Item> Items => _items;

    public IReadOnlyList<DecidedBid> Bids => _bids;

    /// <summary>One for each of <see cref="Bids"/>, in order.</summary>
    public AppendResult[] Results { get; set; } = [];

    /// <summary>
    /// For each of <see cref="Bids"/>, whether the ledger cannot know it yet (ADR 9). Empty from the second call on,
    /// because the bids have been sent by then.
    /// </summary>
    public bool[] TakeFresh()
    {
        var fresh = _fresh;
        _fresh = [];
        return fresh;
    }

    /// <summary>The auctions with a bid that had this result.</summary>
    public HashSet<Guid> AuctionsWith(AppendOutcome outcome) =>
        [.. _bids.Where((_, i) => Results[i].Outcome == outcome).Select(b => b.AuctionId)];

    /// <summary>The versions of the entries that are in the ledger now, by auction.</summary>
    public IEnumerable<IGrouping<Guid, long>> AppendedVersions() =>
        _bids.Where((b, i) => b.Accepted && Results[i].Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere)
            .GroupBy(b => b.AuctionId, b => b.Version);

    /// <summary>
    /// Reports each bid's result to its queue. A bid that is still early has a predecessor that nobody can append: that
    /// is a conflict too.
    /// </summary>
    public void Report()
    {
        foreach (var (queue, ticket, _) in _items)
        {
            var result = Results[_indexOf[ticket!.Decided!.Id]];
            if (result.Answer is { } answer) queue!.Answered(ticket, answer);
            else queue!.Conflicted(ticket, wasAhead: result.Outcome == AppendOutcome.Ahead);
        }
    }
}

using Auctions.Core;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>What goes to the ledger in one transaction: each decision once, an auction's in version order, and who waits for it.</summary>
internal sealed class Commit
{
    private readonly List<CommitLane.Item> _items;
    private readonly List<DecidedBid> _bids;
    private readonly Dictionary<Guid, int> _place = [];
    private bool[] _fresh;

    public Commit(List<CommitLane.Item> batch)
    {
        // A replayed decision may be older than its neighbours, and many callers may wait for the same one; who made it came first.
        _items = [.. batch.Where(i => i.Ticket is not null)];
        BidTicket[] decisions = [.. _items.Select(i => i.Ticket!).DistinctBy(t => t.Decided!.Id)];
        Array.Sort(decisions, (a, b) => Order(a.Decided!).CompareTo(Order(b.Decided!)));
        _bids = [.. decisions.Select(t => t.Decided!)];
        _fresh = [.. decisions.Select(t => !t.IsReplay)];
        for (var i = 0; i < _bids.Count; i++) _place[_bids[i].Id] = i;

        static (Guid, long, bool) Order(DecidedBid bid) => (bid.AuctionId, bid.Version, !bid.Accepted);
    }

    public IReadOnlyList<CommitLane.Item> Items => _items;

    public IReadOnlyList<DecidedBid> Bids => _bids;

    /// <summary>One a bid, in order.</summary>
    public AppendResult[] Results { get; set; } = [];

    /// <summary>Which bids the ledger cannot know of, one a bid; none once this was asked, for then they were sent.</summary>
    public bool[] TakeFresh()
    {
        var fresh = _fresh;
        _fresh = [];
        return fresh;
    }

    /// <summary>The auctions of which a bid had that result.</summary>
    public HashSet<Guid> Auctions(AppendOutcome outcome) =>
        [.. _bids.Where((_, i) => Results[i].Outcome == outcome).Select(b => b.AuctionId)];

    /// <summary>The versions of the entries that are in the ledger, by auction.</summary>
    public IEnumerable<IGrouping<Guid, long>> Recorded() =>
        _bids.Where((b, i) => b.Accepted && Results[i].Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere)
            .GroupBy(b => b.AuctionId, b => b.Version);

    /// <summary>Tells each bid's queue what became of it. A bid that is still early was decided on what nobody can append: refused.</summary>
    public void Report()
    {
        foreach (var (queue, ticket, _) in _items)
        {
            var result = Results[_place[ticket!.Decided!.Id]];
            if (result.Answer is { } answer) queue!.Answered(ticket, answer);
            else queue!.Refused(ticket);
        }
    }
}

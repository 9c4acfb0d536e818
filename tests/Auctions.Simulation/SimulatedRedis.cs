using Auctions.Core;
using Auctions.HotState;

namespace Auctions.Simulation;

/// <summary>What Redis holds of one auction.</summary>
internal sealed record Hot(Head Head, long HydratedVersion)
{
    public SortedDictionary<long, DecidedBid> Pending { get; init; } = [];

    public Dictionary<(string Bidder, Guid Key), DecidedBid> Answers { get; init; } = [];

    public Hot Copy() => this with { Pending = new(Pending), Answers = new(Answers) };
}

/// <summary>
/// A Redis server: the scripts as the readable rules say them, each atomic; and what can befall a server. Held against the Lua by the
/// differential tests of <see cref="Rules"/>.
/// </summary>
internal sealed class SimulatedRedis(SimulatedTime clock)
{
    private Dictionary<Guid, Hot> _auctions = [];

    public SimulatedTime Clock => clock;

    /// <summary>Down: nothing is answered.</summary>
    public bool Down { get; set; }

    /// <summary>A call that decides arrives, with so many bids.</summary>
    public event Action<int>? Deciding;

    /// <summary>A copy of all that it holds: for a snapshot, a replica, a split.</summary>
    public Dictionary<Guid, Hot> Dump() => _auctions.ToDictionary(a => a.Key, a => a.Value.Copy());

    public void Load(Dictionary<Guid, Hot> dump) => _auctions = dump.ToDictionary(a => a.Key, a => a.Value.Copy());

    public void Flush() => _auctions.Clear();

    /// <summary>Edits an auction by hand.</summary>
    public void Forge(Guid auctionId, Func<Hot, Hot> edit)
    {
        if (_auctions.TryGetValue(auctionId, out var hot)) _auctions[auctionId] = edit(hot);
    }

    public Hot? Find(Guid auctionId) => _auctions.GetValueOrDefault(auctionId);

    public DecidedBatch? Decide(Guid auctionId, IReadOnlyList<UndecidedBid> proposals)
    {
        if (Find(auctionId) is not { } hot) return null;
        Deciding?.Invoke(proposals.Count);
        var nowUs = clock.GetUtcNow().ToMicroseconds();
        var bids = new List<DecidedBid>(proposals.Count);
        foreach (var (id, bid, forget, _) in proposals)
        {
            if (hot.Answers.TryGetValue((bid.Bidder, bid.Key), out var first) && first.Id != forget)
            {
                bids.Add(first);
                continue;
            }

            var decided = DecidedBid.Decide(auctionId, hot.Head, id, bid, nowUs);
            if (decided.Accepted)
            {
                hot.Pending[decided.Version] = decided;
                hot = hot with { Head = hot.Head with { Version = decided.Version, EntryId = decided.Id, State = decided.After } };
            }

            hot.Answers[(bid.Bidder, bid.Key)] = decided;
            bids.Add(decided);
        }

        _auctions[auctionId] = hot;
        return new DecidedBatch(hot.Head.Terms, bids);
    }

    public bool Hydrate(Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers)
    {
        var current = Find(auctionId) is { } hot ? new HotHead(hot.Head.Version, hot.Head.EntryId) : (HotHead?)null;
        if (current != seen) return false;
        _auctions[auctionId] = new Hot(head, head.Version) { Answers = answers.ToDictionary(a => (a.Bid.Bidder, a.Bid.Key)) };
        return true;
    }

    public void Settle(Guid auctionId, IReadOnlyCollection<long> versions)
    {
        if (Find(auctionId) is not { } hot) return;
        foreach (var version in versions) hot.Pending.Remove(version);
    }

    public SealAttempt? Seal(Guid auctionId, bool force)
    {
        if (Find(auctionId) is not { } hot) return null;
        var nowUs = clock.GetUtcNow().ToMicroseconds();
        var sealing = force || nowUs >= hot.Head.State.EndUs;
        if (sealing) Forge(auctionId, h => h with { Head = h.Head with { State = h.Head.State with { Status = AuctionStatus.Ended } } });
        return new SealAttempt(sealing, hot.Head.State.EndUs, nowUs);
    }

    public bool DropIfBehind(Guid auctionId, long version, Guid entryId, long outsideVersion)
    {
        if (Find(auctionId) is not { } hot) return false;
        var drop = hot.Head.Version < version
            || (hot.Head.Version == version && hot.Head.EntryId != entryId)
            || (hot.Head.Version > version && hot.HydratedVersion < outsideVersion);
        return drop && _auctions.Remove(auctionId);
    }
}

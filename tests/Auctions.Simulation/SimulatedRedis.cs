using Auctions.Core;
using Auctions.HotState;

namespace Auctions.Simulation;

/// <summary>What Redis holds of one auction.</summary>
internal sealed record HotAuction(Head Head, long HydratedVersion)
{
    public SortedDictionary<long, DecidedBid> Pending { get; init; } = [];

    public Dictionary<(string Bidder, Guid Key), DecidedBid> Answers { get; init; } = [];

    public HotAuction Copy() => this with { Pending = new(Pending), Answers = new(Answers) };
}

/// <summary>
/// A Redis server. Each public method is one atomic script, decided by the readable <see cref="Rules"/>, which the
/// differential tests compare with the Lua; the others are what can happen to a server.
/// </summary>
internal sealed class SimulatedRedis(SimulatedTimeProvider timeProvider)
{
    private Dictionary<Guid, HotAuction> _auctions = [];

    public SimulatedTimeProvider TimeProvider => timeProvider;

    /// <summary>While down, the server answers nothing.</summary>
    public bool Down { get; set; }

    /// <summary>Raised when a deciding call arrives, with the number of its bids.</summary>
    public event Action<int>? Deciding;

    /// <summary>A copy of everything it holds: for a snapshot, a replica or a split.</summary>
    public Dictionary<Guid, HotAuction> Dump() => _auctions.ToDictionary(a => a.Key, a => a.Value.Copy());

    public void Load(Dictionary<Guid, HotAuction> dump) =>
        _auctions = dump.ToDictionary(a => a.Key, a => a.Value.Copy());

    public void Flush() => _auctions.Clear();

    /// <summary>Edits an auction by hand.</summary>
    public void Edit(Guid auctionId, Func<HotAuction, HotAuction> edit)
    {
        if (_auctions.TryGetValue(auctionId, out var hot)) _auctions[auctionId] = edit(hot);
    }

    /// <summary>The auctions with pending entries, in no order.</summary>
    public Guid[] WithPending() => [.. _auctions.Where(a => a.Value.Pending.Count > 0).Select(a => a.Key)];

    public HotAuction? Find(Guid auctionId) => _auctions.GetValueOrDefault(auctionId);

    public DecidedBatch? Decide(Guid auctionId, IReadOnlyList<UndecidedBid> proposals)
    {
        if (Find(auctionId) is not { } hot) return null;
        Deciding?.Invoke(proposals.Count);
        var nowUs = timeProvider.GetUtcNow().ToMicroseconds();
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
                hot = hot with { Head = hot.Head.After(decided) };
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
        _auctions[auctionId] = new HotAuction(head, head.Version)
        {
            Answers = answers.ToDictionary(a => (a.Bid.Bidder, a.Bid.Key)),
        };
        return true;
    }

    public void RemovePending(Guid auctionId, IReadOnlyCollection<long> versions)
    {
        if (Find(auctionId) is not { } hot) return;
        foreach (var version in versions) hot.Pending.Remove(version);
    }

    public bool Seal(Guid auctionId)
    {
        if (Find(auctionId) is not { } hot) return false;
        if (!hot.Head.State.IsOpen) return true;
        Edit(auctionId, h => h with
        {
            Head = h.Head with { State = h.Head.State with { Status = AuctionStatus.Ended } },
        });
        return true;
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

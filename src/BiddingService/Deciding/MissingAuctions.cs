using System.Collections.Concurrent;

namespace BiddingService;

/// <summary>
/// Auctions that the ledger did not have a moment ago. Bids on them fail at once, so that a caller with a wrong id, or
/// with many, costs the stores little.
/// <para>Concurrency: any thread.</para>
/// <para>Invariants: an id is remembered for at most <see cref="RememberedFor"/> (1 s), so that an auction which is
/// created with this id takes bids after that.</para>
/// <para>Bounds: at most <see cref="IdsMax"/> (10,000) ids; then all are forgotten.</para>
/// </summary>
internal sealed class MissingAuctions(TimeProvider timeProvider)
{
    private const int IdsMax = 10_000;
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(1);

    /// <summary>By id: when it was looked up, as a timestamp of the time provider.</summary>
    private readonly ConcurrentDictionary<Guid, long> _lookedUp = new();

    public void Add(Guid auctionId)
    {
        if (_lookedUp.Count >= IdsMax) _lookedUp.Clear();
        _lookedUp[auctionId] = timeProvider.GetTimestamp();
    }

    public bool Contains(Guid auctionId)
    {
        if (!_lookedUp.TryGetValue(auctionId, out var at)) return false;
        if (timeProvider.GetElapsedTime(at) < RememberedFor) return true;
        _lookedUp.TryRemove(KeyValuePair.Create(auctionId, at));
        return false;
    }
}

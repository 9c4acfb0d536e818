using Auctions.Hosting;
using Auctions.HotState;

namespace BiddingService;

/// <summary>
/// Removes committed entries from the pending ones in Redis, beside the bid path and many at a time. An entry that
/// stays pending for too long does no harm: the next service that appends it finds it in the ledger.
/// <para>
/// Concurrency: any lane may add. <c>_lock</c> guards <c>_added</c> and <c>_running</c>; <c>_removing</c> belongs to
/// the loop, of which at most one runs. An auction with many entries is trimmed at once, beside the loop.
/// </para>
/// <para>
/// Lifecycle: the loop starts with the first version that is added, and ends after an interval in which none was added.
/// No fault ends it, and nothing cancels it. When the process stops, the rest stays pending; the next hydration or
/// sweep removes it.
/// </para>
/// <para>
/// Invariants: only versions that are in the ledger are removed. <c>_removing</c> is empty while the loop waits for the
/// interval to pass.
/// </para>
/// <para>
/// Bounds: <see cref="BiddingOptions.TrimPendingMs"/> (1,000) ms between two rounds; fewer than
/// <see cref="EntriesMax"/> (500) versions of an auction wait; a round trims <see cref="AuctionsMax"/> (128) auctions
/// at the same time.
/// </para>
/// </summary>
internal sealed class PendingTrimmer(
    IHotState hotState, TimeSpan interval, TimeProvider timeProvider, ILogger<PendingTrimmer> logger)
{
    /// <summary>With this many entries, an auction is trimmed at once.</summary>
    private const int EntriesMax = 500;

    /// <summary>
    /// All auctions of a busy second at the same time would delay bids by about a tenth of a second.
    /// </summary>
    private const int AuctionsMax = 128;

    private readonly Lock _lock = new();
    private readonly PutAside _aside = new("removal of pending entries", timeProvider, logger);

    /// <summary>
    /// A double buffer. Two dictionaries are used again and again: a large one that is dropped would keep its lists
    /// alive until the oldest generation is collected.
    /// </summary>
    private Dictionary<Guid, List<long>> _added = [], _removing = [];
    private bool _running;

    /// <summary>Adds versions of entries that are in the ledger. Returns at once.</summary>
    public void Add(Guid auctionId, IEnumerable<long> versions)
    {
        List<long>? many = null;
        lock (_lock)
        {
            if (!_added.TryGetValue(auctionId, out var added)) _added[auctionId] = added = [];
            added.AddRange(versions);
            if (added.Count >= EntriesMax && _added.Remove(auctionId)) many = added;
            if (!_running) _ = RunAsync();
            _running = true;
        }

        if (many is not null) _ = RemoveAsync([new(auctionId, many)]);
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.Delay(interval, timeProvider, CancellationToken.None);
            lock (_lock)
            {
                if (_added.Count == 0)
                {
                    _running = false;
                    return;
                }

                (_added, _removing) = (_removing, _added);
            }

            await RemoveAsync(_removing);
            _removing.Clear();
        }
    }

    private async Task RemoveAsync(IEnumerable<KeyValuePair<Guid, List<long>>> versionsByAuction)
    {
        foreach (var auctions in versionsByAuction.Chunk(AuctionsMax))
        {
            var faults = await Task.WhenAll(auctions.Select(a => RemoveAsync(a.Key, a.Value)));
            if (faults.FirstOrDefault(fault => fault is not null) is { } away) logger.PendingNotTrimmed(away.Message);
        }
    }

    /// <returns>Why Redis did not answer; null if it did.</returns>
    private async Task<HotStateUnavailableException?> RemoveAsync(Guid auctionId, List<long> versions)
    {
        try
        {
            await hotState.RemovePendingAsync(auctionId, versions, CancellationToken.None);
            _aside.Succeeded(auctionId);
            return null;
        }
        catch (HotStateUnavailableException fault)
        {
            return fault;
        }
        catch (Exception defect)
        {
            _aside.Failed(auctionId, defect); // the sweep removes what is left
            return null;
        }
    }
}

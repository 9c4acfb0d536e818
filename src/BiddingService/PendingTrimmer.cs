using Auctions.HotState;

namespace BiddingService;

/// <summary>
/// Takes what the ledger has out of what is pending in Redis, off the path and many at once: what is there a moment longer is found to be in the
/// ledger already, at the cost of time alone.
/// </summary>
internal sealed partial class PendingTrimmer(IHotState hotState, TimeSpan interval, TimeProvider timeProvider, ILogger<PendingTrimmer> logger)
{
    /// <summary>Entries of one auction that do not wait any longer.</summary>
    private const int EntriesMax = 500;

    /// <summary>Auctions that are settled at once: all of a busy second would keep the bids of some tenth of a second waiting.</summary>
    private const int AuctionsMax = 128;

    private readonly Lock _gate = new();

    /// <summary>Two that take turns: a large one that is let go holds its lists alive until the oldest generation is collected.</summary>
    private Dictionary<Guid, List<long>> _left = [], _settling = [];
    private bool _running;

    /// <summary>Adds the versions of entries that are in the ledger. Returns at once.</summary>
    public void Add(Guid auctionId, IEnumerable<long> versions)
    {
        List<long>? many = null;
        lock (_gate)
        {
            if (!_left.TryGetValue(auctionId, out var left)) _left[auctionId] = left = [];
            left.AddRange(versions);
            if (left.Count >= EntriesMax && _left.Remove(auctionId)) many = left;
            if (!_running) _ = RunAsync();
            _running = true;
        }

        if (many is not null) _ = RemovePendingAsync([new(auctionId, many)]);
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.Delay(interval, timeProvider, CancellationToken.None);
            lock (_gate)
            {
                if (_left.Count == 0)
                {
                    _running = false;
                    return;
                }

                (_left, _settling) = (_settling, _left);
            }

            await RemovePendingAsync(_settling);
            _settling.Clear();
        }
    }

    private async Task RemovePendingAsync(IEnumerable<KeyValuePair<Guid, List<long>>> entries)
    {
        HotStateUnavailableException? last = null;
        foreach (var some in entries.Chunk(AuctionsMax))
        {
            try
            {
                await Task.WhenAll(some.Select(a => hotState.RemovePendingAsync(a.Key, a.Value, CancellationToken.None)));
            }
            catch (HotStateUnavailableException fault)
            {
                last = fault;
            }
            catch (Exception defect)
            {
                LogDefect(logger, defect); // the next interval's must be settled nevertheless; the sweep takes what is left
            }
        }

        if (last is not null) LogUnsettled(logger, last.Message);
    }

    [LoggerMessage(LogLevel.Information, "Entries stay pending though they are in the ledger: {Reason}")]
    private static partial void LogUnsettled(ILogger logger, string reason);

    [LoggerMessage(LogLevel.Error, "A defect: entries stay pending though they are in the ledger")]
    private static partial void LogDefect(ILogger logger, Exception defect);
}

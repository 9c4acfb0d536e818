using Auctions.Platform.HotState;

namespace BiddingService;

/// <summary>
/// Takes what the ledger has out of what is pending in Redis, off the path and many at once: what is there a moment longer is found to be in the
/// ledger already, at the cost of time alone.
/// </summary>
internal sealed partial class Settlements(IHotState hotState, TimeSpan interval, TimeProvider time, ILogger<Settlements> log)
{
    /// <summary>Entries of one auction that do not wait any longer.</summary>
    private const int EntriesMax = 500;

    private readonly Lock _gate = new();
    private Dictionary<Guid, List<long>> _left = [];
    private bool _scheduled;

    /// <summary>Adds the versions of entries that are in the ledger. Returns at once.</summary>
    public void Add(Guid auctionId, IEnumerable<long> versions)
    {
        List<long>? many = null;
        lock (_gate)
        {
            if (!_left.TryGetValue(auctionId, out var left)) _left[auctionId] = left = [];
            left.AddRange(versions);
            if (left.Count >= EntriesMax && _left.Remove(auctionId)) many = left;
            if (!_scheduled) _ = SettleLaterAsync();
            _scheduled = true;
        }

        if (many is not null) _ = SettleAsync(auctionId, many);
    }

    private async Task SettleLaterAsync()
    {
        await Task.Delay(interval, time, CancellationToken.None);
        Dictionary<Guid, List<long>> all;
        lock (_gate)
        {
            (all, _left) = (_left, []);
            _scheduled = false;
        }

        await Task.WhenAll(all.Select(a => SettleAsync(a.Key, a.Value)));
    }

    private async Task SettleAsync(Guid auctionId, List<long> versions)
    {
        try
        {
            await hotState.SettleAsync(auctionId, versions, CancellationToken.None);
        }
        catch (HotStateUnavailableException fault)
        {
            LogUnsettled(log, auctionId, versions.Count, fault.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "Auction {AuctionId}: {Entries} entries stay pending though they are in the ledger: {Reason}")]
    private static partial void LogUnsettled(ILogger log, Guid auctionId, int entries, string reason);
}

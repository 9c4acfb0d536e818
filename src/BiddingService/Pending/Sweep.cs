using Auctions.HotState;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace BiddingService;

/// <summary>
/// Finds entries that a service decided in Redis and could not commit before it died, appends them to the ledger, and
/// sets Redis to the ledger's state (<see cref="Recovery.HydrateAsync"/>).
/// <para>
/// Concurrency: one loop in each process, one auction at a time. Any number of instances may sweep at the same time:
/// the append takes each entry once, and hydration compares before it sets.
/// </para>
/// <para>
/// Lifecycle: looks when the service starts and then at every interval, until the host stops. If a store does not
/// answer, the rest of the look is postponed to the next interval. Any other fault ends the sweep, and the host with
/// it.
/// </para>
/// <para>
/// Invariants: entries on their way to the ledger are left alone. An auction is swept only if its oldest pending entry
/// is the same as at the last look that finished.
/// </para>
/// <para>
/// Bounds: <see cref="BiddingOptions.SweepSeconds"/> (10) between two looks, so an abandoned entry is appended after
/// one to two intervals. A look scans all keys of Redis and reads the pending entries of each auction that has some; it
/// remembers one id for each of these auctions.
/// </para>
/// </summary>
internal sealed class Sweep(
    IHotState hotState, Recovery recovery, IOptions<BiddingOptions> options, TimeProvider timeProvider,
    ILogger<Sweep> logger) : BackgroundService
{
    /// <summary>The oldest pending entry of each auction at the last look that finished.</summary>
    private Dictionary<Guid, Guid> _lastSeen = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), timeProvider);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is HotStateUnavailableException or LedgerUnavailableException)
            {
                logger.SweepPostponed(fault.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Looks once at all auctions with pending entries. The simulation calls it too.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        var seen = new Dictionary<Guid, Guid>();
        await foreach (var auctionId in hotState.ScanPendingAsync(cancellationToken))
        {
            if (await hotState.ReadPendingAsync(auctionId, cancellationToken) is not [var oldest, ..]) continue;
            seen[auctionId] = oldest.Id;
            if (_lastSeen.GetValueOrDefault(auctionId) != oldest.Id) continue;
            logger.AbandonedEntriesFound(auctionId, oldest.Version);
            await recovery.HydrateAsync(auctionId, cancellationToken);
        }

        _lastSeen = seen;
    }
}

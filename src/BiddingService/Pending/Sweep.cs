using Auctions.Hosting;
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
/// answer, the rest of the look is postponed to the next interval. An auction that fails for another reason is put
/// aside (<see cref="PutAside"/>).
/// </para>
/// <para>
/// Invariants: entries on their way to the ledger are left alone. An auction is swept only if its oldest pending entry
/// is the same as at the last look that finished.
/// </para>
/// <para>
/// Bounds: <see cref="BiddingOptions.SweepSeconds"/> (10) between two looks, so an abandoned entry is appended after
/// one to two intervals. A look reads the indexes of all shards, in a few round trips, and the pending entries of each
/// auction in them; it remembers one id for each of these auctions. At the start, and once in
/// <see cref="FullLookInterval"/> (1 hour), a look first scans all keys of Redis for what the indexes miss.
/// </para>
/// </summary>
internal sealed class Sweep(
    IHotState hotState, Recovery recovery, IOptions<BiddingOptions> options, TimeProvider timeProvider,
    ILogger<Sweep> logger) : BackgroundLoop(timeProvider, logger)
{
    public static readonly TimeSpan FullLookInterval = TimeSpan.FromHours(1);

    private readonly PutAside _aside = new("sweep", timeProvider, logger);

    /// <summary>The oldest pending entry of each auction at the last look that finished.</summary>
    private Dictionary<Guid, Guid> _lastSeen = [];

    /// <summary>When the last full look finished: a timestamp of the time provider.</summary>
    private long? _lastFullLook;

    protected override async Task LoopAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), TimeProvider);
        do
        {
            await UnlessAwayAsync(RepairIndexAsync, stoppingToken);
            await UnlessAwayAsync(LookAsync, stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task UnlessAwayAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        try
        {
            await work(cancellationToken);
        }
        catch (Exception fault) when (Recovery.IsAway(fault))
        {
            Logger.SweepPostponed(fault.Message);
        }
        catch (Exception defect) when (!cancellationToken.IsCancellationRequested)
        {
            Logger.SweepFailed(defect);
        }
    }

    private async Task RepairIndexAsync(CancellationToken cancellationToken)
    {
        if (_lastFullLook is { } last && TimeProvider.GetElapsedTime(last) < FullLookInterval) return;
        var auctions = await hotState.RepairPendingIndexAsync(cancellationToken);
        _lastFullLook = TimeProvider.GetTimestamp();
        if (auctions > 0) Logger.FullLookFinished(auctions);
    }

    /// <summary>Looks once at all auctions in the indexes. The simulation calls it too.</summary>
    internal async Task LookAsync(CancellationToken cancellationToken)
    {
        var seen = new Dictionary<Guid, Guid>();
        foreach (var auctionId in await hotState.ReadPendingIndexAsync(cancellationToken))
        {
            if (_lastSeen.TryGetValue(auctionId, out var last)) seen[auctionId] = last;
            if (_aside.IsAside(auctionId)) continue;
            try
            {
                await LookAtAsync(auctionId, seen, cancellationToken);
                _aside.Succeeded(auctionId);
            }
            catch (AuctionBusyException fault)
            {
                Logger.SweepPostponed(fault.Message);
            }
            catch (Exception fault) when (!Recovery.IsAway(fault) && !cancellationToken.IsCancellationRequested)
            {
                _aside.Failed(auctionId, fault);
            }
        }

        _lastSeen = seen;
    }

    private async Task LookAtAsync(Guid auctionId, Dictionary<Guid, Guid> seen, CancellationToken cancellationToken)
    {
        var pending = await hotState.ReadPendingAsync(auctionId, cancellationToken);
        if (pending.Count == 0) await hotState.RemovePendingAsync(auctionId, [], cancellationToken); // leaves the index

        // An auction that is found again with nothing that can be read has damaged entries: hydration removes them.
        var oldest = pending.Count == 0 ? Guid.Empty : pending[0].Id;
        var isAbandoned = seen.TryGetValue(auctionId, out var last) && last == oldest;
        seen[auctionId] = oldest;
        if (!isAbandoned) return;
        Logger.AbandonedEntriesFound(auctionId, pending.Count == 0 ? 0 : pending[0].Version);
        if (await recovery.HydrateAsync(auctionId, cancellationToken, waits: false) is null)
            throw new AuctionNotFoundException(auctionId);
    }
}

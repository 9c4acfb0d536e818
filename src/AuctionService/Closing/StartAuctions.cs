using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;

namespace AuctionService.Closing;

/// <summary>
/// Appends the entry "started" to auctions whose start has come. Bids do not need it, because they are decided by the
/// start time itself. Viewers and lists of active auctions do. <see cref="WaveRunner"/> runs it, one at a time. An
/// auction that cannot be started is put aside and keeps no other from its start.
/// </summary>
internal sealed class StartAuctions(
    ILedgerWaves waves, ILedgerLifecycle lifecycle, IHotState hotState, TimeProvider timeProvider,
    ILogger<StartAuctions> logger)
{
    /// <summary>Auctions that are started in one transaction.</summary>
    private const int AuctionsMax = 500;

    private readonly PutAside _aside = new("starting", timeProvider, logger);

    /// <summary>Tries to start each auction that is due, once.</summary>
    /// <exception cref="LedgerUnavailableException">The next wave starts the rest.</exception>
    public async Task StartDueAsync(CancellationToken cancellationToken)
    {
        HashSet<Guid> tried = [.. _aside.Current()];
        while (true)
        {
            var due = await waves.FindStartingAsync(AuctionsMax, tried, cancellationToken);
            if (due.Count == 0) return;
            tried.UnionWith(due);

            // Another instance may have started some of them.
            var started = await StartAsync(due, cancellationToken);
            if (started.Count == 0) continue;
            logger.AuctionsStarted(started.Count);
            await DropFromRedisAsync(started, cancellationToken);
        }
    }

    /// <summary>
    /// Starts these auctions together. If that fails, and not because of an outage, starts them one by one.
    /// </summary>
    private async Task<List<Guid>> StartAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken)
    {
        try
        {
            var started = await waves.StartAsync(auctionIds, cancellationToken);
            foreach (var id in started) _aside.Succeeded(id);
            return started;
        }
        catch (Exception fault) when (WaveRunner.IsOfOneAuction(fault, cancellationToken))
        {
            if (auctionIds.Count == 1)
            {
                _aside.Failed(auctionIds[0], fault);
                return [];
            }

            var started = new List<Guid>();
            foreach (var id in auctionIds) started.AddRange(await StartAsync([id], cancellationToken));
            return started;
        }
    }

    /// <summary>A bid before the start has brought the auction into Redis, which is now one entry behind.</summary>
    private async Task DropFromRedisAsync(IReadOnlyList<Guid> started, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var row in await lifecycle.ReadAuctionsAsync(started, cancellationToken))
            {
                await hotState.DropIfBehindAsync(
                    row.Id, row.Stored.Version, row.Stored.EntryId, row.OutsideVersion, cancellationToken);
            }
        }
        catch (Exception fault) when (WaveRunner.IsOfOneAuction(fault, cancellationToken))
        {
            logger.StartedAuctionsNotDropped(fault.Message);
        }
    }
}

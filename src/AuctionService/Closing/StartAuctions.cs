using Auctions.HotState;
using Auctions.Ledger;

namespace AuctionService.Closing;

/// <summary>
/// Appends the entry "started" to auctions whose start has come. Bids do not need it, because they are decided by the
/// start time itself. Viewers and lists of active auctions do. <see cref="WaveRunner"/> runs it, one at a time.
/// </summary>
internal sealed class StartAuctions(
    ILedgerWaves waves, ILedgerLifecycle lifecycle, IHotState hotState, ILogger<StartAuctions> logger)
{
    /// <summary>Auctions that are started in one transaction.</summary>
    private const int AuctionsMax = 500;

    /// <summary>Starts auctions until none is due, or none of those that are due could be started.</summary>
    /// <exception cref="LedgerUnavailableException">The next wave starts the rest.</exception>
    public async Task StartDueAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var due = await waves.FindStartingAsync(AuctionsMax, cancellationToken);
            if (due.Count == 0) return;
            var started = await waves.StartAsync(due, cancellationToken);
            if (started.Count > 0) logger.AuctionsStarted(started.Count);
            await DropFromRedisAsync(started, cancellationToken);

            // Another instance started them, or they cannot be started: there is nothing to do here now.
            if (started.Count == 0) return;
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
        catch (HotStateUnavailableException fault)
        {
            logger.StartedAuctionsNotDropped(fault.Message);
        }
    }
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace AuctionService.Closing;

/// <summary>
/// Appends the entry "started" to auctions whose start has come. Bids need none of it, they look at the time themselves: it is for those
/// who watch, and look for what is active.
/// </summary>
internal sealed partial class StartAuctions(
    LedgerWaves waves, LedgerLifecycle lifecycle, IHotState hotState, ILogger<StartAuctions> logger)
{
    private const int Max = 500;

    public async Task AllDueAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var due = await waves.FindStartingAsync(Max, cancellationToken);
            if (due.Count == 0) return;
            var started = await waves.StartAsync(due, cancellationToken);
            if (started.Count > 0) Started(started.Count);
            await ForgetAsync(started, cancellationToken);

            // None: another instance was there first, or what is due cannot be started. Either way there is nothing to do here now.
            if (started.Count == 0) return;
        }
    }

    /// <summary>Whoever bid before the start has brought the auction into Redis, where it is now one entry behind.</summary>
    private async Task ForgetAsync(IReadOnlyList<Guid> started, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var row in await lifecycle.ReadAuctionsAsync(started, cancellationToken))
                await hotState.DropIfBehindAsync(row.Id, row.Head.Version, row.Head.EntryId, row.OutsideVersion, cancellationToken);
        }
        catch (HotStateUnavailableException e)
        {
            NotForgotten(e.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "{Count} auctions started")]
    private partial void Started(int count);

    [LoggerMessage(LogLevel.Information, "Redis may hold started auctions as scheduled, until a bid finds out: {Reason}")]
    private partial void NotForgotten(string reason);
}

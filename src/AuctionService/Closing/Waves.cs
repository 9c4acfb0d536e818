using Auctions.Ledger;

namespace AuctionService.Closing;

/// <summary>
/// Starts and closes all that is due, and sees to it that the next waves are scheduled. One at a time in a process, which leaves the rest of its connections to the others; between
/// processes the claims see to it that they do not meet.
/// </summary>
internal sealed class Waves(StartAuctions start, CloseAuctions close, WaveSchedule schedule) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);

    /// <exception cref="LedgerUnavailableException">What is left is found by the next wave, or by the guard.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await start.AllDueAsync(cancellationToken);
            await close.AllDueAsync(cancellationToken);
            await schedule.AddUpcomingAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}

using Auctions.HotState;
using Auctions.Ledger;

namespace AuctionService.Closing;

/// <summary>
/// Looks every second, and at once when the service starts, for what should have started or ended, whatever Quartz knows: waves that
/// were never scheduled, purchases, ends that someone moved by hand, and everything that came due while nothing ran.
/// </summary>
internal sealed partial class ClosingGuard(Waves waves, TimeProvider timeProvider, ILogger<ClosingGuard> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, timeProvider);
        var failing = false;
        do
        {
            try
            {
                await waves.RunAsync(stoppingToken);
                if (failing) Again();
                failing = false;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // Nothing may end the guard. An outage is told once, a defect every time.
                if (e is not (LedgerUnavailableException or HotStateUnavailableException)) Failed(e);
                else if (!failing) Waits(e.Message);
                failing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Error, "Closing auctions failed; trying again in a second.")]
    private partial void Failed(Exception exception);

    [LoggerMessage(LogLevel.Warning, "No auction can be closed until Postgres answers: {Reason}")]
    private partial void Waits(string reason);

    [LoggerMessage(LogLevel.Information, "Auctions are being closed again")]
    private partial void Again();
}

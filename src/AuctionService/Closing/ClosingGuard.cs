using Auctions.Hosting;
using Auctions.HotState;

namespace AuctionService.Closing;

/// <summary>
/// Runs a wave every second, whatever Quartz knows. So auctions are also closed if their wave was never scheduled, if
/// they were bought, if an operator moved their end, or if they came due while no instance ran.
/// <para>
/// Concurrency: one loop in each process. Its waves wait for the process' other waves (<see cref="WaveRunner"/>); the
/// claims in the ledger separate those of different processes.
/// </para>
/// <para>
/// Lifecycle: the first wave runs when the service starts, the next ones every second, until the host stops, which
/// cancels a wave that runs. No fault ends the loop.
/// </para>
/// <para>
/// Invariants: the ledger alone says what is due. While the system is up, an auction is overdue for at most one
/// interval and one wave (I9).
/// </para>
/// <para>
/// Bounds: <see cref="Interval"/> (1 s) from wave to wave; longer if a wave takes longer, and ticks do not accumulate.
/// An outage is logged once, a defect at each wave.
/// </para>
/// </summary>
internal sealed class ClosingGuard(WaveRunner waveRunner, TimeProvider timeProvider, ILogger<ClosingGuard> logger)
    : BackgroundLoop(timeProvider, logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task LoopAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, TimeProvider);
        var isFailing = false;
        do
        {
            try
            {
                await waveRunner.RunAsync(stoppingToken);
                if (isFailing) Logger.ClosingResumed();
                isFailing = false;
            }
            catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
            {
                if (!Recovery.IsAway(fault))
                    Logger.GuardFailed(fault);
                else if (!isFailing)
                    Logger.ClosingSuspended(fault.Message);
                isFailing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}

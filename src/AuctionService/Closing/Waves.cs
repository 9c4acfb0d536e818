using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Auctions.Core;
using Auctions.Ledger;
using Quartz;

namespace AuctionService.Closing;

/// <summary>
/// The Quartz job of a wave. The job store in Postgres keeps the name of this type and its key: do not rename them.
/// </summary>
internal sealed class ClosingWave(WaveRunner waveRunner) : IJob
{
    public static JobKey Key { get; } = new("closing-wave");

    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken) =>
        await waveRunner.RunAsync(cancellationToken);
}

/// <summary>
/// Runs a wave: starts and closes all auctions that are due, and schedules the next waves. Quartz runs one at each
/// instant that was scheduled, and <see cref="ClosingGuard"/> one every second. Waves of a process run one after
/// another, so they hold few of its connections; the claims in the ledger separate the waves of different processes.
/// </summary>
internal sealed class WaveRunner(StartAuctions start, CloseAuctions close, WaveSchedule schedule) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);

    /// <exception cref="Exception">The first fault of a step; the next wave does the rest.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            // Whatever keeps one step from its work, the others do theirs.
            var faults = new List<Exception>();
            foreach (var step in (Func<CancellationToken, Task>[])
                [start.StartDueAsync, close.CloseDueAsync, schedule.AddUpcomingAsync])
            {
                try
                {
                    await step(cancellationToken);
                }
                catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
                {
                    faults.Add(fault);
                }
            }

            if (faults.Count > 0) ExceptionDispatchInfo.Throw(faults[0]);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>
    /// Whether a fault may be of one auction, so that the others go on without it. An outage and the end of the process
    /// are of all.
    /// </summary>
    public static bool IsOfOneAuction(Exception fault, CancellationToken cancellationToken) =>
        fault is not LedgerUnavailableException && !cancellationToken.IsCancellationRequested;
}

/// <summary>
/// The instants at which waves are due. Each has one Quartz trigger, however many auctions start or end then, for all
/// instances of the service.
/// <para>
/// Concurrency: any number of calls at the same time. Instances may add the same instant; the job store keeps the first
/// trigger.
/// </para>
/// <para>
/// Lifecycle: no loop of its own. An instant is added when a wave looks ahead, and when one finds that an end has
/// moved. Creating an auction adds none: its end is usually far ahead, and a trigger costs several statements. Triggers
/// are stored in Postgres and survive the process; one whose instant passed while no instance ran fires when one
/// starts. Without Quartz (<see cref="AuctionOptions.Waves"/>) nothing is scheduled.
/// </para>
/// <para>
/// Invariants: best effort. A trigger that cannot be stored is logged and costs the auctions of its instant up to a
/// second, until <see cref="ClosingGuard"/> finds them. The same holds for a call that is cancelled while it stores
/// one.
/// </para>
/// <para>
/// Bounds: an instant is a time rounded up to a multiple of <see cref="StepUs"/> (250 ms). A wave looks
/// <see cref="AheadUs"/> (3 s) ahead and adds at most <see cref="UpcomingMax"/> (100) instants. <c>_known</c> holds
/// about <see cref="KnownMax"/> (100,000) instants.
/// </para>
/// </summary>
internal sealed class WaveSchedule(
    ILedgerWaves waves, IServiceProvider services, TimeProvider timeProvider, ILogger<WaveSchedule> logger)
{
    /// <summary>Auctions that end at about the same time share a wave.</summary>
    private const long StepUs = 250_000;

    /// <summary>More than the guard's interval, so that no instant is missed between two of its waves.</summary>
    private const long AheadUs = 3_000_000;

    private const int UpcomingMax = 100;
    private const int KnownMax = 100_000;
    private const string TriggerGroup = "instants";

    /// <summary>
    /// Instants that this process has scheduled or is scheduling. Thousands of auctions may end at the same instant,
    /// and without this each of them would cost a transaction.
    /// </summary>
    private readonly ConcurrentDictionary<long, bool> _known = new();

    /// <summary>
    /// Schedules the next waves from the ledger, which knows the ends that soft close or an operator has moved.
    /// </summary>
    public async Task AddUpcomingAsync(CancellationToken cancellationToken)
    {
        var instants = await waves.FindNextInstantsAsync(AheadUs, StepUs, UpcomingMax, cancellationToken);
        foreach (var instantUs in instants) await AddAsync(instantUs, cancellationToken);
    }

    /// <summary>Schedules the wave of a time, in microseconds since 1970, unless it is already scheduled.</summary>
    public async Task AddAsync(long timeUs, CancellationToken cancellationToken)
    {
        var instantUs = RoundUp(timeUs);
        if (services.GetService<ISchedulerFactory>() is not { } schedulers) return;
        if (!_known.TryAdd(instantUs, true)) return;
        try
        {
            var scheduler = await schedulers.GetScheduler(cancellationToken);
            var trigger = TriggerBuilder.Create(timeProvider)
                .WithIdentity($"{instantUs}", TriggerGroup)
                .ForJob(ClosingWave.Key)
                .StartAt(Microseconds.ToTime(instantUs))
                .WithSimpleSchedule(s => s.WithMisfireInstruction(SimpleTriggerMisfireInstruction.FireNow))
                .Build();
            await scheduler.ScheduleTrigger(trigger, TriggerConflict.Keep, cancellationToken);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            _known.TryRemove(instantUs, out _);
            logger.WaveNotScheduled(Microseconds.ToTime(instantUs), fault.Message);
        }

        if (_known.Count > KnownMax) ForgetPast();
    }

    private static long RoundUp(long timeUs) => (timeUs + StepUs - 1) / StepUs * StepUs;

    /// <summary>
    /// Removes instants that have passed. If too many are left, all: adding one again only costs time.
    /// </summary>
    private void ForgetPast()
    {
        var nowUs = timeProvider.GetUtcNow().ToMicroseconds();
        foreach (var instantUs in _known.Keys.Where(i => i < nowUs)) _known.TryRemove(instantUs, out _);
        if (_known.Count > KnownMax) _known.Clear();
    }
}

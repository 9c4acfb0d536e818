using System.Collections.Concurrent;
using Auctions.Core;
using Auctions.Ledger;
using Quartz;

namespace AuctionService.Closing;

/// <summary>
/// The instants at which waves are due: one Quartz trigger an instant, however many auctions start or end then, for all instances of
/// the service. Best effort: what is missed here the <see cref="ClosingGuard"/> finds.
/// </summary>
internal sealed partial class WaveSchedule(LedgerWaves waves, IServiceProvider services, TimeProvider timeProvider, ILogger<WaveSchedule> logger)
{
    /// <summary>Instants are rounded up to this, so that auctions of about the same end share a wave.</summary>
    public const long StepUs = 250_000;

    /// <summary>How far ahead each wave looks: more than a guard's round, less than it takes the list to be long.</summary>
    private const long AheadUs = 3_000_000;

    private const int UpcomingMax = 100;
    private const int KnownMax = 100_000;
    private const string Group = "instants";

    // Instants that are known to be scheduled: thousands of auctions may end at the same one, and each would cost a transaction.
    private readonly ConcurrentDictionary<long, bool> _known = new();

    /// <summary>The wave that an instant belongs to.</summary>
    public static long RoundUp(long us) => (us + StepUs - 1) / StepUs * StepUs;

    /// <summary>Schedules an auction's start, if it lies ahead, and its end.</summary>
    public async Task AddAsync(AuctionRow row, CancellationToken cancellationToken)
    {
        if (row.Head.State.Status == AuctionStatus.Scheduled) await AddAsync(row.Head.Terms.StartUs, cancellationToken);
        if (!row.Head.State.IsOver) await AddAsync(row.Head.State.EndUs, cancellationToken);
    }

    /// <summary>Schedules what is due shortly: ends that soft close has moved, and whatever was changed by another path.</summary>
    public async Task AddUpcomingAsync(CancellationToken cancellationToken)
    {
        foreach (var instantUs in await waves.FindNextInstantsAsync(AheadUs, StepUs, UpcomingMax, cancellationToken))
            await AddAsync(instantUs, cancellationToken);
    }

    /// <summary>Schedules the wave of an instant, in microseconds since 1970, unless it is scheduled.</summary>
    public async Task AddAsync(long us, CancellationToken cancellationToken)
    {
        var instantUs = RoundUp(us);
        if (services.GetService<ISchedulerFactory>() is not { } schedulers || !_known.TryAdd(instantUs, true)) return;
        try
        {
            var scheduler = await schedulers.GetScheduler(cancellationToken);
            var trigger = TriggerBuilder.Create(timeProvider)
                .WithIdentity($"{instantUs}", Group)
                .ForJob(ClosingWave.Key)
                .StartAt(Microseconds.ToTime(instantUs))
                .WithSimpleSchedule(s => s.WithMisfireInstruction(SimpleTriggerMisfireInstruction.FireNow))
                .Build();
            await scheduler.ScheduleTrigger(trigger, TriggerConflict.Keep, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The auction is created, or lives on, all the same: the guard closes it up to a second after its end.
            _known.TryRemove(instantUs, out _);
            NotScheduled(Microseconds.ToTime(instantUs), e.Message);
        }

        if (_known.Count > KnownMax) Forget();
    }

    /// <summary>Instants that have passed are not asked for again.</summary>
    private void Forget()
    {
        var nowUs = timeProvider.GetUtcNow().ToMicroseconds();
        foreach (var instantUs in _known.Keys.Where(i => i < nowUs)) _known.TryRemove(instantUs, out _);
        if (_known.Count > KnownMax) _known.Clear();
    }

    [LoggerMessage(LogLevel.Warning, "The wave of {Instant} could not be scheduled; the guard will see to it: {Reason}")]
    private partial void NotScheduled(DateTimeOffset instant, string reason);
}

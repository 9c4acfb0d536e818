using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.Ledger;
using AuctionService;
using AuctionService.Closing;
using BiddingService;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Auctions.Simulation;

/// <summary>What the processes of a world share.</summary>
/// <param name="RedisOf">The Redis server that a process with this number reaches.</param>
internal sealed record Surroundings(
    SimulatedScheduler Scheduler, Random Random, SimulatedLedger Ledger, Guards Guards, DefectLog Log,
    Func<double> LossShare, Func<bool> LedgerDown, Func<int, SimulatedRedis> RedisOf);

/// <summary>A process of a service: the real code, its network and its clock.</summary>
internal abstract class SimulatedProcess
{
    protected SimulatedProcess(Surroundings surroundings, int number)
    {
        Surroundings = surroundings;
        TimeProvider = new SimulatedTimeProvider(surroundings.Scheduler);
        Network = new SimulatedNetwork(surroundings.Scheduler, surroundings.Random, surroundings.LossShare);
        HotState = new RemoteRedis(Network, () => surroundings.RedisOf(number), surroundings.Guards);
        Ledger = new RemoteLedger(Network, surroundings.Ledger, surroundings.LedgerDown, surroundings.Guards);
        Recovery = new Recovery(HotState, Ledger);
    }

    public SimulatedTimeProvider TimeProvider { get; }

    public Recovery Recovery { get; }

    protected Surroundings Surroundings { get; }

    protected SimulatedNetwork Network { get; }

    protected RemoteRedis HotState { get; }

    protected RemoteLedger Ledger { get; }

    /// <summary>Gets no more replies; its timers no longer fire.</summary>
    public virtual void Die() => Network.Dead = TimeProvider.Dead = true;

    /// <summary>
    /// Repeats what a background loop of the process does, until it dies. A store that does not answer postpones it to
    /// the next time. Any other fault would end the loop: it is a defect.
    /// </summary>
    /// <param name="nextUs">The time to the next look, microseconds; 0 = never again.</param>
    public async Task RepeatAsync(Func<CancellationToken, Task> look, Func<long> nextUs)
    {
        while (!TimeProvider.Dead && nextUs() is > 0 and var us)
        {
            await Surroundings.Scheduler.DelayAsync(us);
            if (TimeProvider.Dead) return;
            try
            {
                await look(CancellationToken.None);
            }
            catch (Exception fault) when (fault is HotStateUnavailableException or LedgerUnavailableException)
            {
                // The next look tries again.
            }
            catch (Exception fault)
            {
                Surroundings.Log.Add($"a loop ended: {fault}");
                throw;
            }
        }
    }
}

/// <summary>A process of BiddingService, and the calls that die with it.</summary>
internal sealed class BiddingProcess : SimulatedProcess
{
    public BiddingProcess(Surroundings surroundings, int number)
        : base(surroundings, number)
    {
        var options = new BiddingOptions { Lanes = 2, TrimPendingMs = 20 };
        surroundings.Scheduler.InContext(() => PlaceBid = new PlaceBid(HotState, Ledger, Recovery, options,
            new VelocityLimit(0, 0), new BiddingMetrics(), TimeProvider, NullLoggerFactory.Instance));
        Sweep = new Sweep(HotState, Recovery, Options.Create(options), TimeProvider, surroundings.Log.For<Sweep>());
    }

    public PlaceBid PlaceBid { get; private set; } = null!;

    public Sweep Sweep { get; }

    /// <summary>What to do for each call when the process dies before it has answered.</summary>
    public List<Action> CallsToAbandon { get; } = [];

    public override void Die()
    {
        base.Die();
        foreach (var abandon in CallsToAbandon) abandon();
    }
}

/// <summary>A process of AuctionService. The guard wakes its waves; it has no Quartz.</summary>
internal sealed class AuctionProcess : SimulatedProcess
{
    private static readonly ServiceProvider WithoutQuartz = new ServiceCollection().BuildServiceProvider();
    private static readonly ClosingMetrics Metrics = new();

    private readonly RemoteLifecycle _lifecycle;

    public AuctionProcess(Surroundings surroundings, int number)
        : base(surroundings, number)
    {
        var log = surroundings.Log;
        _lifecycle = new RemoteLifecycle(Network, surroundings.Ledger, surroundings.LedgerDown);
        var schedule = new WaveSchedule(_lifecycle, WithoutQuartz, TimeProvider, log.For<WaveSchedule>());
        WaveRunner = new WaveRunner(
            new StartAuctions(_lifecycle, _lifecycle, HotState, TimeProvider, log.For<StartAuctions>()),
            new CloseAuctions(_lifecycle, _lifecycle, HotState, Recovery, schedule, Metrics,
                Options.Create(new AuctionOptions()), TimeProvider, log.For<CloseAuctions>()),
            schedule);
        EndAuction = new EndAuction(_lifecycle, HotState, Recovery, log.For<EndAuction>());
    }

    public WaveRunner WaveRunner { get; }

    private EndAuction EndAuction { get; }

    /// <summary>The seller ends or cancels an auction.</summary>
    /// <returns>What the seller was told; null if it was refused, or if the outcome is unknown.</returns>
    public async Task<AuctionRow?> EndAsync(Guid auctionId, string seller, bool cancel)
    {
        var caller = new Caller(seller, Roles.Seller, new HashSet<string>());
        try
        {
            return cancel
                ? await EndAuction.CancelAsync(auctionId, caller, "broken", CancellationToken.None)
                : await EndAuction.EndAsync(auctionId, caller, "", CancellationToken.None);
        }
        catch (Exception fault) when (fault is RpcException or LedgerUnavailableException)
        {
            return null;
        }
    }

    public override void Die()
    {
        base.Die();
        _lifecycle.EndClaims();
    }
}

/// <summary>Collects what the real code logs as an error: no fault of a world may lead to one.</summary>
internal sealed class DefectLog
{
    private readonly List<string> _defects = [];

    public IReadOnlyList<string> Defects => _defects;

    public void Add(string defect) => _defects.Add(defect);

    public ILogger<T> For<T>() => new Logger<T>(this);

    private sealed class Logger<T>(DefectLog log) : ILogger<T>
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) log.Add($"{formatter(state, exception)} {exception}");
        }
    }
}

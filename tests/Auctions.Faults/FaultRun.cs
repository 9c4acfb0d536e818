using Auctions.Ctl.Output;
using Auctions.Faults.Checking;
using Auctions.Faults.Evidence;
using Auctions.Faults.Injection;
using Auctions.Faults.Load;
using Auctions.Faults.Report;
using Auctions.Faults.Stack;
using Auctions.Grpc;
using DevStack.Supervision;

namespace Auctions.Faults;

/// <summary>
/// One run, from an empty stack to the report: start, bid and inject faults, heal, wait for rest, collect, check, stop.
/// </summary>
internal sealed class FaultRun(
    RunDirectory run, RedisSetup redisSetup, int seed, TimeSpan length, int bidders, TimeProvider timeProvider)
{
    private static readonly TimeSpan HealTimeout = TimeSpan.FromSeconds(30), RestTimeout = TimeSpan.FromSeconds(45);

    /// <summary>Everything that works while the stack is up.</summary>
    private sealed record Session(
        FaultStack Stack, LoadRun Load, EventRecorder Events, FaultLog Faults, ProcessRestarter Restarter,
        RunClock Clock, TimeSpan StartedIn);

    /// <exception cref="StackException">The stack could not be started.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped, and its stack with it.</exception>
    public async Task<FaultReport> RunAsync(CancellationToken cancellationToken)
    {
        var began = timeProvider.GetTimestamp();
        Console.WriteLine($"Starting a separate stack in {run.Root}:");
        await using var stack = await FaultStack.CreateAsync(
            run, redisSetup, timeProvider, Console.WriteLine, cancellationToken);
        if (!await stack.UpAsync(cancellationToken))
            throw new StackException($"The stack could not be started. Logs: {run.Root}");

        // Messages about parts that die and start go to a log: the terminal shows the progress.
        var logFile = Path.Combine(run.Root, "faults.log");
        await using var log = TextWriter.Synchronized(new StreamWriter(logFile, append: false) { AutoFlush = true });
        var clock = new RunClock(timeProvider);
        stack.Say = line => log.WriteLine($"{clock.NowUs / 1e6,8:0.000} {line}");
        try
        {
            return await RunOnAsync(stack, clock, timeProvider.GetElapsedTime(began), cancellationToken);
        }
        finally
        {
            stack.Say = _ => { };
        }
    }

    private async Task<FaultReport> RunOnAsync(
        FaultStack stack, RunClock clock, TimeSpan startedIn, CancellationToken cancellationToken)
    {
        using var events = new EventRecorder(run.Endpoints["kafka"]);
        var tokens = new TokenIssuer(Convert.FromBase64String(run.Secrets.JwtKey), timeProvider);
        var bidding = FaultStack.Bidding.Select(b => run.Endpoints[b]);
        using var services =
            new ServiceClients(bidding, run.Endpoints["auction"], run.Endpoints["gateway"], tokens);
        var faults = new FaultLog(clock);
        var load = new LoadRun(services, clock, seed, bidders, length);
        var restarter = new ProcessRestarter(stack, faults, timeProvider);
        var session = new Session(stack, load, events, faults, restarter, clock, startedIn);
        using var stopRestarter = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var restarting = restarter.RunAsync(stopRestarter.Token);
        var quiescence = new Quiescence(stack, load, events, clock);
        try
        {
            await using (new ProgressLine(() => Progress(session, quiescence), timeProvider))
            {
                await BidAndBreakAsync(session, cancellationToken);
                await quiescence.WaitAsync(RestTimeout, cancellationToken);
            }

            var restUs = clock.NowUs;
            await stopRestarter.CancelAsync();
            await restarting;
            await load.StopAsync();
            await events.StopAsync();
            return await ReportAsync(session, restUs, cancellationToken);
        }
        finally
        {
            await stopRestarter.CancelAsync();
            await restarting;
            await load.StopAsync();
        }
    }

    /// <summary>Bidders bid and faults are injected for the length of the run. Then every fault is undone.</summary>
    private async Task BidAndBreakAsync(Session session, CancellationToken cancellationToken)
    {
        var (stack, clock) = (session.Stack, session.Clock);
        await session.Load.OpenAsync(cancellationToken);
        using var stopInjecting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var stopHealing = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var left = length - TimeSpan.FromMicroseconds(clock.NowUs);
        var parts = new PartFaults(stack, session.Faults, clock);
        IRedisFaults redis = stack.Redis switch
        {
            RedisPair pair => new RedisFaults(pair, parts, stack, session.Faults, clock),
            FailoverServers servers => new FailoverFaults(servers, parts, stack, session.Faults, clock),
            var other => throw new InvalidOperationException($"{other} has no faults."),
        };
        var rows = new RowLock(stack, session.Faults, clock);
        var injector = new FaultInjector(stack, parts, redis, rows, clock, stack.Say);
        var plan = FaultPlan.Of(seed, length, stack.Redis.Kinds);
        var injecting = injector.RunAsync(plan, stopInjecting.Token, stopHealing.Token);
        try
        {
            await clock.DelayAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken);
            session.Load.EndBidding();
        }
        finally
        {
            await stopInjecting.CancelAsync();
            stopHealing.CancelAfter(HealTimeout);
            // Wait for it in any case: nothing may start parts any more when the stack is stopped.
            await WaitForHealingAsync(injecting, cancellationToken);
            stack.RestoreConnections();
        }
    }

    private async Task WaitForHealingAsync(Task injecting, CancellationToken cancellationToken)
    {
        try
        {
            await injecting;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StackException($"The stack was not healed after {HealTimeout.TotalSeconds} s. The faults that "
                + $"were not over, and the parts' logs: {run.Root}");
        }
    }

    /// <param name="restUs">When the system was at rest, by the run's clock.</param>
    private async Task<FaultReport> ReportAsync(Session session, long restUs, CancellationToken cancellationToken)
    {
        var (log, clock, missed) = (session.Load.Log, session.Clock, session.Events.Missed);
        var kafkaIsComplete = !session.Restarter.KafkaDied && missed == 0;
        var evidence = await EvidenceCollector.CollectAsync(
            session.Stack, session.Load, session.Events, session.Faults, clock, kafkaIsComplete, cancellationToken);
        var auctions = evidence.Auctions;
        var findings = new Findings();
        foreach (var auction in auctions) Checker.Check(auction, evidence.Run, findings);
        var faults = session.Faults.Faults;
        var whileBidding = faults.Where(f => f.BeganUs < length.TotalMicroseconds).ToList();
        var bystanders = Bystanders.Of(log.Bids, faults);
        return new FaultReport(
            Seed: seed,
            Seconds: length.TotalSeconds,
            Faults: FaultReport.Count(faults),
            BidsSent: log.Bids.Count,
            Calls: log.CallCount,
            Acknowledged: log.Answered,
            Rejected: log.Bids.Count(b => b.Answer is { Accepted: false }),
            Unknown: log.Bids.Count(b => b.Answer is null),
            CallsWithoutAnswer: log.Errors,
            Lost: findings.Lost,
            Phantom: findings.Phantom,
            Violations: [.. findings.Violations, .. log.UnexpectedAnswers, .. bystanders?.Violations ?? []],
            LongestUnavailabilityMs: Availability.Longest(log.AnsweredUs, whileBidding),
            RowLocks: bystanders,
            Auctions: auctions.Count,
            Sealed: auctions.Count(a => a.Row is { State.IsOver: true }),
            LedgerEntries: auctions.Sum(a => a.Ledger.LongCount(r => r.Version is not null)),
            LedgerRejections: auctions.Sum(a => a.Ledger.LongCount(r => r.Version is null)),
            BidsPerSecond: Math.Round(log.Answered / length.TotalSeconds, 1),
            DiedOutside: faults.Where(f => f.Kind == FaultKind.Outside).GroupBy(f => f.Target)
                .ToDictionary(g => g.Key, g => g.Count()),
            EventRecordsMissed: missed,
            StartSeconds: Math.Round(session.StartedIn.TotalSeconds, 1),
            SettleSeconds: Math.Round(restUs / 1e6 - length.TotalSeconds, 1),
            CheckSeconds: Math.Round((clock.NowUs - restUs) / 1e6, 1));
    }

    private string Progress(Session session, Quiescence quiescence)
    {
        var (load, faults) = (session.Load, session.Faults);
        var seconds = Math.Min(session.Clock.NowUs / 1e6, length.TotalSeconds);
        return $"{seconds,4:0}/{length.TotalSeconds:0} s  {load.Log.Answered}/{load.Log.Sent} bids answered, "
            + $"{load.Catalog.All.Count} auctions, {faults.Faults.Count} faults  {faults.Current()}{quiescence.State}";
    }
}

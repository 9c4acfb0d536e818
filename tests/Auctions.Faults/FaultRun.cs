using Auctions.Ctl.Output;
using Auctions.Faults.Checking;
using Auctions.Faults.Evidence;
using Auctions.Faults.Injection;
using Auctions.Faults.Load;
using Auctions.Faults.Report;
using Auctions.Faults.Stack;
using Auctions.Grpc;
using Auctions.Hosting;
using DevStack.Supervision;

namespace Auctions.Faults;

/// <summary>One run, from an empty stack to the report: start, break and bid, heal, come to rest, collect, check, stop.</summary>
internal sealed class FaultRun(RunDirectory run, int seed, TimeSpan length, int bidders, TimeProvider timeProvider)
{
    /// <summary>How long what was broken may take to be whole again, and everything to come to rest.</summary>
    private static readonly TimeSpan HealWithin = TimeSpan.FromSeconds(30), RestWithin = TimeSpan.FromSeconds(45);

    /// <exception cref="StackException">The stack could not be started.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped; so was its stack.</exception>
    public async Task<FaultReport> RunAsync(CancellationToken cancellationToken)
    {
        var began = timeProvider.GetTimestamp();
        Console.WriteLine($"Starting a stack of its own in {run.Root}:");
        await using var stack = await FaultStack.CreateAsync(run, timeProvider, Console.WriteLine, cancellationToken);
        if (!await stack.UpAsync(cancellationToken)) throw new StackException($"The stack could not be started. Logs: {run.Root}");

        // What is said while parts die and start goes to a log: the terminal shows the progress.
        await using var log = TextWriter.Synchronized(new StreamWriter(Path.Combine(run.Root, "faults.log"), append: false) { AutoFlush = true });
        var clock = new RunClock(timeProvider);
        stack.Say = line => log.WriteLine($"{clock.NowUs / 1e6,8:0.000} {line}");
        var started = timeProvider.GetElapsedTime(began);
        try
        {
            return await PlayAsync(stack, clock, started, cancellationToken);
        }
        finally
        {
            stack.Say = _ => { };
        }
    }

    private async Task<FaultReport> PlayAsync(FaultStack stack, RunClock clock, TimeSpan started, CancellationToken cancellationToken)
    {
        using var feed = new EventTap(run.Endpoints["kafka"]);
        using var services = new Services(FaultStack.Bidding.Select(b => run.Endpoints[b]), run.Endpoints["auction"], run.Endpoints["gateway"],
            new TokenIssuer(Convert.FromBase64String(run.Secrets.JwtKey), timeProvider));
        var faults = new FaultLog(clock);
        var load = new LoadRun(services, clock, seed, bidders, length);
        var keeper = new ProcessRestarter(stack, faults, timeProvider);
        using var keeping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var kept = keeper.RunAsync(keeping.Token);
        var rest = new Quiescence(stack, load, feed, clock);
        try
        {
            await using (new ProgressLine(() => Line(clock, load, faults, rest), timeProvider))
            {
                await BreakAsync(stack, load, faults, clock, cancellationToken);
                await rest.ReachAsync(RestWithin, cancellationToken);
            }

            var settled = clock.NowUs;
            await keeping.CancelAsync();
            await kept;
            await load.StopAsync();
            await feed.StopAsync();
            return await ReportAsync(stack, load, feed, faults, keeper, clock, started, settled, cancellationToken);
        }
        finally
        {
            await keeping.CancelAsync();
            await kept;
            await load.StopAsync();
        }
    }

    /// <summary>Bidders bid and parts break for the length of the run; then all is whole again.</summary>
    private async Task BreakAsync(FaultStack stack, LoadRun load, FaultLog faults, RunClock clock, CancellationToken cancellationToken)
    {
        await load.OpenAsync(cancellationToken);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var heal = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var left = length - TimeSpan.FromMicroseconds(clock.NowUs);
        var parts = new PartFaults(stack, faults, clock);
        var injecting = new Injector(stack, parts, new RedisFaults(parts, stack, faults, clock), clock, stack.Say).RunAsync(FaultPlan.Of(seed, length), late.Token, heal.Token);
        try
        {
            await clock.DelayAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellationToken);
            load.EndBidding();
        }
        finally
        {
            await late.CancelAsync();
            heal.CancelAfter(HealWithin);
            await HealedAsync(injecting, cancellationToken); // nothing is started any more by the time that the stack is stopped
            stack.MendLinks();
        }
    }

    private async Task HealedAsync(Task injecting, CancellationToken cancellationToken)
    {
        try
        {
            await injecting;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StackException($"The stack was not whole again after {HealWithin.TotalSeconds} s. Which faults were not over, and the parts' logs: {run.Root}");
        }
    }

    private async Task<FaultReport> ReportAsync(
        FaultStack stack, LoadRun load, EventTap feed, FaultLog faults, ProcessRestarter keeper, RunClock clock, TimeSpan started, long settledUs, CancellationToken cancellationToken)
    {
        var evidence = await Collection.CollectAsync(stack, load, feed, faults, clock, feedIsWhole: !keeper.KafkaDied && feed.Missed == 0, cancellationToken);
        var found = new Findings();
        foreach (var auction in evidence.Auctions) Checker.Check(auction, evidence.Run, found);
        var bids = load.Log.Bids;
        var all = faults.Faults;
        var outside = all.Where(f => f.Kind == FaultKind.Outside).GroupBy(f => f.Target).ToDictionary(g => g.Key, g => g.Count());
        return new FaultReport(seed, length.TotalSeconds, FaultReport.Count(all),
            bids.Count, load.Log.CallCount, load.Log.Answered, bids.Count(b => b.Answer is { Accepted: false }), bids.Count(b => b.Answer is null), load.Log.Errors,
            found.Lost, found.Phantom, [.. found.Violations, .. load.Log.UnexpectedAnswers],
            Availability.Longest(load.Log.AnsweredUs, [.. all.Where(f => f.BeganUs < length.TotalMicroseconds)]),
            evidence.Auctions.Count, evidence.Auctions.Count(a => a.Row is { State.IsOver: true }),
            evidence.Auctions.Sum(a => a.Ledger.LongCount(r => r.Version is not null)), evidence.Auctions.Sum(a => a.Ledger.LongCount(r => r.Version is null)),
            Math.Round(load.Log.Answered / length.TotalSeconds, 1), outside, feed.Missed,
            Math.Round(started.TotalSeconds, 1), Math.Round(settledUs / 1e6 - length.TotalSeconds, 1), Math.Round((clock.NowUs - settledUs) / 1e6, 1));
    }

    private string Line(RunClock clock, LoadRun load, FaultLog faults, Quiescence rest) =>
        $"{Math.Min(clock.NowUs / 1e6, length.TotalSeconds),4:0}/{length.TotalSeconds:0} s  {load.Log.Answered}/{load.Log.Sent} bids answered, {load.Market.All.Count} auctions, "
        + $"{faults.Faults.Count} faults  {faults.Now()}{rest.State}";
}

using Auctions.Ctl.Output;
using Auctions.Faults.Checking;
using Auctions.Faults.Evidence;
using Auctions.Faults.Injection;
using Auctions.Faults.Load;
using Auctions.Faults.Report;
using Auctions.Faults.Stack;
using Auctions.Platform.Hosting;
using DevStack.Supervision;

namespace Auctions.Faults;

/// <summary>One run, from an empty stack to the report: start, break and bid, heal, come to rest, collect, check, stop.</summary>
internal sealed class FaultRun(RunDirectory run, int seed, TimeSpan length, int bidders, TimeProvider time)
{
    /// <summary>How long what was broken may take to be whole again, and everything to come to rest.</summary>
    private static readonly TimeSpan HealWithin = TimeSpan.FromSeconds(30), RestWithin = TimeSpan.FromSeconds(45);

    /// <exception cref="StackException">The stack could not be started.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped; so was its stack.</exception>
    public async Task<FaultReport> RunAsync(CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        Console.WriteLine($"Starting a stack of its own in {run.Root}:");
        await using var stack = await FaultStack.CreateAsync(run, time, Console.WriteLine, cancellation);
        if (!await stack.UpAsync(cancellation)) throw new StackException($"The stack could not be started. Logs: {run.Root}");

        // What is said while parts die and start goes to a log: the terminal shows the progress.
        await using var log = TextWriter.Synchronized(new StreamWriter(Path.Combine(run.Root, "faults.log"), append: false) { AutoFlush = true });
        var clock = new RunClock(time);
        stack.Say = line => log.WriteLine($"{clock.NowUs / 1e6,8:0.000} {line}");
        var started = time.GetElapsedTime(began);
        try
        {
            return await PlayAsync(stack, clock, started, cancellation);
        }
        finally
        {
            stack.Say = _ => { };
        }
    }

    private async Task<FaultReport> PlayAsync(FaultStack stack, RunClock clock, TimeSpan started, CancellationToken cancellation)
    {
        using var feed = new FeedTap(run.Endpoints["kafka"]);
        using var services = new Services(FaultStack.Bidding.Select(b => run.Endpoints[b]), run.Endpoints["auction"], run.Endpoints["gateway"],
            new TokenIssuer(Convert.FromBase64String(run.Secrets.JwtKey), time));
        var faults = new FaultLog(clock);
        var load = new LoadRun(services, clock, seed, bidders, length);
        var keeper = new Keeper(stack, faults, time);
        using var keeping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var kept = keeper.RunAsync(keeping.Token);
        var rest = new Rest(stack, load, feed, clock);
        try
        {
            await using (new ProgressLine(() => Line(clock, load, faults, rest), time))
            {
                await BreakAsync(stack, load, faults, clock, cancellation);
                await rest.ReachAsync(RestWithin, cancellation);
            }

            var settled = clock.NowUs;
            await keeping.CancelAsync();
            await kept;
            await load.StopAsync();
            await feed.StopAsync();
            return await ReportAsync(stack, load, feed, faults, keeper, clock, started, settled, cancellation);
        }
        finally
        {
            await keeping.CancelAsync();
            await kept;
            await load.StopAsync();
        }
    }

    /// <summary>Bidders bid and parts break for the length of the run; then all is whole again.</summary>
    private async Task BreakAsync(FaultStack stack, LoadRun load, FaultLog faults, RunClock clock, CancellationToken cancellation)
    {
        await load.OpenAsync(cancellation);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var heal = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var left = length - TimeSpan.FromMicroseconds(clock.NowUs);
        var parts = new PartFaults(stack, faults, clock);
        var injecting = new Injector(stack, parts, new RedisFaults(parts, stack, faults, clock), clock, stack.Say).RunAsync(FaultPlan.Of(seed, length), late.Token, heal.Token);
        try
        {
            await clock.DelayAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation);
            load.EndBidding();
        }
        finally
        {
            await late.CancelAsync();
            heal.CancelAfter(HealWithin);
            await HealedAsync(injecting, cancellation); // nothing is started any more by the time that the stack is stopped
            stack.MendLinks();
        }
    }

    private async Task HealedAsync(Task injecting, CancellationToken cancellation)
    {
        try
        {
            await injecting;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new StackException($"The stack was not whole again after {HealWithin.TotalSeconds} s. Which faults were not over, and the parts' logs: {run.Root}");
        }
    }

    private async Task<FaultReport> ReportAsync(
        FaultStack stack, LoadRun load, FeedTap feed, FaultLog faults, Keeper keeper, RunClock clock, TimeSpan started, long settledUs, CancellationToken cancellation)
    {
        var evidence = await Collection.CollectAsync(stack, load, feed, faults, clock, feedIsWhole: !keeper.KafkaDied && feed.Missed == 0, cancellation);
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

    private string Line(RunClock clock, LoadRun load, FaultLog faults, Rest rest) =>
        $"{Math.Min(clock.NowUs / 1e6, length.TotalSeconds),4:0}/{length.TotalSeconds:0} s  {load.Log.Answered}/{load.Log.Sent} bids answered, {load.Market.All.Count} auctions, "
        + $"{faults.Faults.Count} faults  {faults.Now()}{rest.State}";
}

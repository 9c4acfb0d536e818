using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Peers;
using DevStack.Supervision;

namespace Auctions.Benchmarks.Cases;

/// <summary>One run of one case.</summary>
/// <param name="Server">The part that is called.</param>
/// <param name="On">Which auctions, in a word: hot, 1000, ...</param>
/// <param name="WarmUpMostS">The warm-up goes on until the server compiles nothing any more, this long at most.</param>
/// <param name="TouchFirst">Whether each auction gets a bid before the run: the run then finds all of them in Redis.</param>
/// <param name="BesideRewrite">Whether Redis rewrites its AOF in the measured part.</param>
internal sealed record CaseOrder(
    string Design, string Server, string On, Field Field, BidMix Mix, int Callers, double WarmUpS, double WarmUpMostS, double MeasuredS,
    int? Connections = null, double RatePerS = 0, bool TouchFirst = false, bool BesideRewrite = false);

/// <summary>Runs cases one after another: load, what the servers used and counted meanwhile, and whether the answers were true.</summary>
internal sealed class CaseRunner(
    BenchStack stack, LoadRun load, Counters counters, RedisAof aof, AnswerCheck answers, ChainCheck chains, TimeProvider timeProvider)
{
    /// <summary>h2c connections of the load, for every design.</summary>
    public const int LoadConnections = 4;

    private const int ChainsMax = 5;
    private const double QuietShare = 0.03;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private int _runs;

    public async Task<CaseResult> RunAsync(CaseOrder order, CancellationToken cancellationToken)
    {
        var ours = order.Design == "ours";
        if (ours && (order.TouchFirst || order.RatePerS > 0) && !order.BesideRewrite) await aof.TidyAsync(cancellationToken);
        if (order.TouchFirst) await load.TouchAsync(Order(order), cancellationToken);

        var parts = BenchStack.PartsOf(order.Design, order.Server);
        Sample before = default, after = default;
        var outcome = await load.RunAsync(Order(order), BeginAsync, async () => after = await SampleAsync(), cancellationToken);
        if (outcome.Acked == 0) throw new StackException($"{order.Server} answered nothing; gRPC statuses: {string.Join(' ', outcome.Errors)}");
        var correctness = order.Design == PeerDesigns.Echo ? new Correctness(0, 0, 0, 0, 0, []) : await CheckAsync();
        var split = parts.ToDictionary(p => p == order.Server ? "server" : p, p => Us(after.Cpu[p] - before.Cpu[p]));
        return new CaseResult(
            $"{order.Design}_{order.On}", order.Design, order.On, order.Callers, order.Connections, order.RatePerS > 0 ? order.RatePerS : null,
            outcome.Seconds, outcome.Acked, outcome.AckedPerS, outcome.Latencies.Ms(0.5), outcome.Latencies.Ms(0.99), split.Values.Sum(), split,
            Us(after.Load - before.Load), Others(),
            ours ? Per(outcome.Acked, after.Counted.Decisions - before.Counted.Decisions) : null,
            ours ? Per(outcome.Rows, after.Counted.Commits - before.Counted.Commits) : null,
            new Shares(Share(outcome.Leading), Share(outcome.Outbid), Share(outcome.Rejected), Share(outcome.Replayed)), outcome.Errors,
            outcome.Unanswered, correctness, [outcome.AckedPerS]);

        async Task BeginAsync()
        {
            await CompiledAsync(stack.Pid(order.Server), order.WarmUpMostS - order.WarmUpS, cancellationToken);
            before = await SampleAsync();
            if (order.BesideRewrite) await aof.BeginAsync();
        }

        async Task<Sample> SampleAsync() => new(stack.CpuSeconds(parts), ProcessCpu.OfSelf(), ProcessCpu.OfMachine(), await counters.ReadAsync());

        async Task<Correctness> CheckAsync() =>
            await answers.RunAsync(outcome, order.Field, ours, cancellationToken)
            + await chains.RunAsync([.. order.Field.Auctions.Take(ChainsMax)], ours, cancellationToken);

        // Softirqs of our own traffic are nobody's in /proc, so that a few percent are to be expected.
        double Others() => Math.Max(0, (after.Machine - before.Machine - (after.Load - before.Load) - parts.Sum(p => after.Cpu[p] - before.Cpu[p]))
            / (outcome.Seconds * Environment.ProcessorCount));

        double Us(double seconds) => outcome.Acked == 0 ? 0 : seconds * 1e6 / outcome.Acked;
        double Share(long count) => outcome.Acked == 0 ? 0 : (double)count / outcome.Acked;
    }

    /// <summary>
    /// Waits, under load, until the server runs what it will run for good: until then the compiler takes up to a third of its processor time.
    /// </summary>
    private async Task CompiledAsync(int pid, double mostS, CancellationToken cancellationToken)
    {
        for (var waited = TimeSpan.Zero; waited.TotalSeconds < mostS; waited += Quiet)
        {
            var before = ProcessCpu.OfCompiler(pid);
            await Task.Delay(Quiet, timeProvider, cancellationToken);
            if (ProcessCpu.OfCompiler(pid) - before < QuietShare * Quiet.TotalSeconds) return;
        }
    }

    private LoadOrder Order(CaseOrder order) => new(++_runs, stack.Address(order.Server), order.Mix, order.Field, order.Callers,
        LoadConnections, order.WarmUpS, order.MeasuredS, order.RatePerS);

    private static double Per(long bids, long calls) => calls == 0 ? 0 : (double)bids / calls;

    private readonly record struct Sample(Dictionary<string, double> Cpu, double Load, double Machine, Counted Counted);
}

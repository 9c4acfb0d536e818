using System.Text.Json.Serialization;
using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Peers;
using DevStack.Supervision;

namespace Auctions.Benchmarks.Cases;

/// <summary>One run of one case.</summary>
/// <param name="Server">The part that is called.</param>
/// <param name="On">Which auctions, in one word: hot, 1000, ...</param>
/// <param name="WarmUpMaxS">The warm-up ends when the server's compiler is idle, after this time at the latest.</param>
/// <param name="TouchFirst">Whether each auction gets a bid before the run, so that all of them are in Redis.</param>
/// <param name="DuringAofRewrite">Whether Redis rewrites its AOF in the measured part.</param>
internal sealed record CaseOrder(
    string Design, string Server, string On, AuctionSet Auctions, BidMix Mix, int Callers, double WarmUpS,
    double WarmUpMaxS, double MeasuredS, int? Connections = null, double RatePerS = 0, bool TouchFirst = false,
    bool DuringAofRewrite = false);

/// <summary>The result of a case; written as JSON in snake case.</summary>
/// <param name="Name">Unique in a report, such as <c>ours_hot</c>.</param>
/// <param name="Design">"ours", or a peer.</param>
/// <param name="Connections">A peer's connections to Postgres; null for ours.</param>
/// <param name="OfferedPerS">The rate of an open loop; null in a closed one.</param>
/// <param name="AckedPerS">Answers, rejections included; errors are not answers.</param>
/// <param name="CpuUsPerBid">CPU of all processes except the load, microseconds.</param>
/// <param name="CpuSplitUsPerBid">The same by process.</param>
/// <param name="LoadCpuUsPerBid">CPU of the load itself, which runs on the same cores.</param>
/// <param name="OthersCpuShare">The share of the machine that processes outside the benchmark used.</param>
/// <param name="BidsPerEvalsha">Only ours; null for the peers.</param>
/// <param name="RowsPerCommit">Only ours; null for the peers, where each bid is a commit.</param>
/// <param name="Rounds">
/// Answers per second of each round, or its p99 in milliseconds in an open loop. The other figures are those of the
/// median round.
/// </param>
internal sealed record CaseResult(
    string Name, string Design, string On, int Callers, int? Connections, double? OfferedPerS, double Seconds,
    long Acked, double AckedPerS, double P50Ms, double P99Ms, double CpuUsPerBid,
    IReadOnlyDictionary<string, double> CpuSplitUsPerBid, double LoadCpuUsPerBid, double OthersCpuShare,
    double? BidsPerEvalsha, double? RowsPerCommit, AnswerShares Shares, IReadOnlyDictionary<int, long> Errors,
    long Unanswered, Correctness Correctness, IReadOnlyList<double> Rounds)
{
    /// <summary>If other processes used more of the machine than this, the figures mean little.</summary>
    public const double DisturbedShare = 0.1;

    /// <summary>The median round, with the figure of every round.</summary>
    public static CaseResult Median(IReadOnlyList<CaseResult> rounds, Func<CaseResult, double> by)
    {
        return rounds.MedianBy(by) with
        {
            Rounds = [.. rounds.Select(by)],
            Correctness = rounds.Select(r => r.Correctness).Aggregate((a, b) => a + b),
        };
    }
}

/// <summary>Shares of all answers.</summary>
internal sealed record AnswerShares(
    double Leading, double Outbid, [property: JsonPropertyName("refused")] double Rejected, double Replayed);

internal static class Rounds
{
    /// <summary>The median round; the lower one of an even number.</summary>
    public static T MedianBy<T>(this IReadOnlyList<T> rounds, Func<T, double> by) =>
        rounds.OrderBy(by).ElementAt((rounds.Count - 1) / 2);
}

/// <summary>
/// Runs cases one after another: the load, what the servers used and counted meanwhile, and the checks of the answers.
/// </summary>
internal sealed class CaseRunner(
    BenchStack stack, LoadRun load, ServerCounters counters, RedisAof aof, AnswerCheck answers, ChainCheck chains,
    TimeProvider timeProvider)
{
    /// <summary>The load's h2c connections, for every design.</summary>
    public const int LoadConnections = 4;

    private const int ChainsMax = 5;
    private const double IdleShare = 0.03;
    private static readonly TimeSpan CompilerCheck = TimeSpan.FromSeconds(1);
    private int _runs;

    /// <exception cref="StackException">The server gave no answer at all.</exception>
    public async Task<CaseResult> RunAsync(CaseOrder order, CancellationToken cancellationToken)
    {
        var ours = order.Design == "ours";
        if (ours && (order.TouchFirst || order.RatePerS > 0) && !order.DuringAofRewrite)
            await aof.RewriteIfDueAsync(cancellationToken);
        if (order.TouchFirst) await load.TouchAsync(LoadOrderOf(order), cancellationToken);

        var parts = BenchStack.PartsOf(order.Design, order.Server);
        Sample before = default, after = default;
        var outcome = await load.RunAsync(
            LoadOrderOf(order), BeginAsync, async () => after = await SampleAsync(), cancellationToken);
        if (outcome.Acked == 0)
        {
            var statuses = string.Join(' ', outcome.Errors);
            throw new StackException($"{order.Server} gave no answers; gRPC statuses: {statuses}");
        }

        var correctness = order.Design == PeerDesigns.Echo ? new Correctness(0, 0, 0, 0, 0, []) : await CheckAsync();
        var split = parts.ToDictionary(
            p => p == order.Server ? "server" : p, p => UsPerBid(after.Cpu[p] - before.Cpu[p]));
        return new CaseResult(
            $"{order.Design}_{order.On}", order.Design, order.On, order.Callers, order.Connections,
            order.RatePerS > 0 ? order.RatePerS : null, outcome.Seconds, outcome.Acked, outcome.AckedPerS,
            outcome.Latencies.Ms(0.5), outcome.Latencies.Ms(0.99), split.Values.Sum(), split,
            UsPerBid(after.LoadCpu - before.LoadCpu), OthersShare(),
            ours ? Ratio(outcome.Acked, after.Counts.Decisions - before.Counts.Decisions) : null,
            ours ? Ratio(outcome.Rows, after.Counts.Commits - before.Counts.Commits) : null,
            new AnswerShares(
                Share(outcome.Leading), Share(outcome.Outbid), Share(outcome.Rejected), Share(outcome.Replayed)),
            outcome.Errors, outcome.Unanswered, correctness, [outcome.AckedPerS]);

        async Task BeginAsync()
        {
            await WaitForCompilerAsync(stack.Pid(order.Server), order.WarmUpMaxS - order.WarmUpS, cancellationToken);
            before = await SampleAsync();
            if (order.DuringAofRewrite) await aof.BeginRewriteAsync();
        }

        async Task<Sample> SampleAsync() => new(
            stack.CpuSeconds(parts), ProcessCpu.OfSelf(), ProcessCpu.OfMachine(), await counters.ReadAsync());

        async Task<Correctness> CheckAsync() =>
            await answers.RunAsync(outcome, order.Auctions, ours, cancellationToken)
            + await chains.RunAsync([.. order.Auctions.Ids.Take(ChainsMax)], ours, cancellationToken);

        // /proc assigns the softirqs of our own traffic to no process, so a few percent are normal.
        double OthersShare()
        {
            var ownCpu = after.LoadCpu - before.LoadCpu + parts.Sum(p => after.Cpu[p] - before.Cpu[p]);
            var otherCpu = after.MachineCpu - before.MachineCpu - ownCpu;
            return Math.Max(0, otherCpu / (outcome.Seconds * Environment.ProcessorCount));
        }

        double UsPerBid(double seconds) => seconds * 1e6 / outcome.Acked;
        double Share(long count) => (double)count / outcome.Acked;
    }

    /// <summary>
    /// Waits, under load, until the server's tiered compiler is idle. Until then it takes up to a third of the server's
    /// processor time.
    /// </summary>
    private async Task WaitForCompilerAsync(int pid, double maxS, CancellationToken cancellationToken)
    {
        for (var waited = TimeSpan.Zero; waited.TotalSeconds < maxS; waited += CompilerCheck)
        {
            var before = ProcessCpu.OfCompiler(pid);
            await Task.Delay(CompilerCheck, timeProvider, cancellationToken);
            if (ProcessCpu.OfCompiler(pid) - before < IdleShare * CompilerCheck.TotalSeconds) return;
        }
    }

    private LoadOrder LoadOrderOf(CaseOrder order) => new(
        ++_runs, stack.Address(order.Server), order.Mix, order.Auctions, order.Callers, LoadConnections, order.WarmUpS,
        order.MeasuredS, order.RatePerS);

    private static double Ratio(long bids, long calls) => calls == 0 ? 0 : (double)bids / calls;

    /// <summary>CPU seconds and counts at one moment.</summary>
    private readonly record struct Sample(
        Dictionary<string, double> Cpu, double LoadCpu, double MachineCpu, ServerCounts Counts);
}

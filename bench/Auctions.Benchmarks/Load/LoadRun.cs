using System.Runtime;

namespace Auctions.Benchmarks.Load;

/// <summary>What a run is asked to do.</summary>
/// <param name="RunNumber">Goes into the idempotency keys: those of different runs differ.</param>
/// <param name="Callers">In flight at once, in all; in an open loop the most that may be.</param>
/// <param name="RatePerS">0: a closed loop, where each answer brings the next request. Else an open loop: requests are meant for
/// moments that are drawn beforehand (a Poisson process of that rate), and latency counts from there, however late they could be sent.</param>
internal sealed record LoadOrder(
    int RunNumber, string Address, BidMix Mix, Field Field, int Callers, int Connections, double WarmUpS, double MeasuredS, double RatePerS = 0);

/// <summary>What it did in its measured part.</summary>
/// <param name="Errors">By gRPC status; -1 = the stream was reset.</param>
/// <param name="Unanswered">Still open when the run gave up waiting.</param>
internal sealed record LoadOutcome(
    double Seconds, long Acked, long Leading, long Outbid, long Rejected, long Replayed, IReadOnlyDictionary<int, long> Errors, long Contradictions,
    long Unanswered, Latencies Latencies, IReadOnlyList<BidSource> Sources, int RunNumber)
{
    /// <summary>Answers a second, refusals included.</summary>
    public double AckedPerS => Acked / Seconds;

    /// <summary>Answers that are rows of their own: all but the replayed.</summary>
    public long Rows => Acked - Replayed;

    /// <summary>The first 24 characters of a connection's keys: run and connection in a UUID's first groups.</summary>
    public static string KeyPrefix(int run, int connection) => $"{run:x8}-{connection:x4}-4000-8000-";
}

/// <summary>Runs a load: a thread and a connection each for a part of the callers.</summary>
internal sealed class LoadRun(BidderTokens tokens, TimeProvider timeProvider)
{
    /// <summary>Far more than a run allocates.</summary>
    private const long QuietBytes = 100_000_000;

    /// <summary>Called at the start and at the end of the measured part.</summary>
    public delegate Task Sampling();

    public async Task<LoadOutcome> RunAsync(LoadOrder order, Sampling begin, Sampling end, CancellationToken cancellationToken)
    {
        var phase = new LoadPhase();
        var workers = Workers(order, phase);
        // A collection of ours would stop the load's threads, and look like the servers' latency.
        GC.TryStartNoGCRegion(QuietBytes);
        try
        {
            var running = Task.WhenAll(workers.Select(w => w.RunAsync()));
            await DelayAsync(order.WarmUpS, running, cancellationToken);
            await begin();
            var began = timeProvider.GetTimestamp();
            phase.Measure();
            await DelayAsync(order.MeasuredS, running, cancellationToken);
            phase.Drain();
            var seconds = timeProvider.GetElapsedTime(began).TotalSeconds;
            await end();
            await running;
            return Sum(order, workers, seconds);
        }
        finally
        {
            phase.Drain();
            foreach (var worker in workers) worker.Dispose();
            if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion) GC.EndNoGCRegion();
        }
    }

    /// <summary>Bids once on each auction.</summary>
    public async Task<LoadOutcome> TouchAsync(LoadOrder order, CancellationToken cancellationToken)
    {
        var phase = new LoadPhase();
        phase.Measure();
        var workers = Workers(order, phase);
        var began = timeProvider.GetTimestamp();
        try
        {
            using var stop = cancellationToken.Register(phase.Drain);
            await Task.WhenAll(workers.Select((w, i) => w.TouchAsync(i, workers.Length)));
            cancellationToken.ThrowIfCancellationRequested();
            return Sum(order, workers, timeProvider.GetElapsedTime(began).TotalSeconds);
        }
        finally
        {
            foreach (var worker in workers) worker.Dispose();
        }
    }

    private LoadWorker[] Workers(LoadOrder order, LoadPhase phase) => [.. Enumerable.Range(0, order.Connections).Select(i => new LoadWorker(
        new LoadConnection(order.Address, tokens, LoadOutcome.KeyPrefix(order.RunNumber, i)),
        new BidSource(order.Mix, order.Field, tokens.Count, order.RunNumber * 1_000 + i),
        order, i, phase, timeProvider))];

    private async Task DelayAsync(double seconds, Task running, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(seconds), timeProvider, over.Token)) == running) await running;
        await over.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static LoadOutcome Sum(LoadOrder order, LoadWorker[] workers, double seconds)
    {
        var latencies = new Latencies();
        var errors = new SortedDictionary<int, long>();
        foreach (var worker in workers)
        {
            latencies.Add(worker.Latencies);
            foreach (var (status, count) in worker.Errors) errors[status] = errors.GetValueOrDefault(status) + count;
        }

        return new LoadOutcome(seconds, Of(Answer.Leading) + Of(Answer.Outbid) + Of(Answer.Rejected), Of(Answer.Leading), Of(Answer.Outbid),
            Of(Answer.Rejected), workers.Sum(w => w.Replayed), errors, workers.Sum(w => w.Source.Contradictions),
            workers.Sum(w => w.Unanswered), latencies, [.. workers.Select(w => w.Source)], order.RunNumber);

        long Of(Answer answer) => workers.Sum(w => w.Answers[(int)answer]);
    }
}

using System.Numerics;
using System.Runtime;

namespace Auctions.Benchmarks.Load;

/// <summary>What a run has to do.</summary>
/// <param name="RunNumber">Part of the idempotency keys, so that the keys of different runs differ.</param>
/// <param name="Callers">Calls in flight in total; in an open loop the most that may be.</param>
/// <param name="RatePerS">
/// 0: a closed loop, where each answer is followed by the next request. Otherwise an open loop: the times to send
/// requests are drawn beforehand (a Poisson process of this rate). Latency counts from these times, even if a request
/// is sent late.
/// </param>
internal sealed record LoadOrder(
    int RunNumber, string Address, BidMix Mix, AuctionSet Auctions, int Callers, int Connections, double WarmUpS,
    double MeasuredS, double RatePerS = 0);

/// <summary>What a run did in its measured part.</summary>
/// <param name="Errors">By gRPC status; -1: the stream was reset.</param>
/// <param name="Unanswered">Calls still open when the run stopped waiting.</param>
internal sealed record LoadOutcome(
    double Seconds, long Acked, long Leading, long Outbid, long Rejected, long Replayed,
    IReadOnlyDictionary<int, long> Errors, long Contradictions, long Unanswered, Latencies Latencies,
    IReadOnlyList<BidSource> Sources, int RunNumber)
{
    /// <summary>Answers per second, rejections included.</summary>
    public double AckedPerS => Acked / Seconds;

    /// <summary>Answers that are a row of their own: all that were not replayed.</summary>
    public long Rows => Acked - Replayed;

    /// <summary>
    /// The first 24 characters of a connection's keys: run and connection in the first groups of a UUID.
    /// </summary>
    public static string KeyPrefix(int run, int connection) => $"{run:x8}-{connection:x4}-4000-8000-";
}

/// <summary>
/// Runs a load: warm-up, measured part, drain. Each connection has its own thread and its share of the callers.
/// <para>Concurrency: one thread per connection (<see cref="LoadWorker"/>); they share the <see cref="AuctionSet"/>
/// and the <see cref="LoadPhase"/>. Their counts are read after they have ended. One run at a time.</para>
/// <para>Lifecycle: a run ends after its measured part, when each worker has drained its calls. If it is cancelled or
/// a worker fails, all connections are closed, which ends the other workers.</para>
/// <para>Invariants: only answers received in the measured part count. The garbage collector of this process is held
/// off during a run.</para>
/// <para>Bounds: the callers of the order bound the calls in flight; the drain ends after 20 seconds.</para>
/// </summary>
internal sealed class LoadRun(BidderTokens tokens, TimeProvider timeProvider)
{
    /// <summary>Far more bytes than a run allocates.</summary>
    private const long NoGcBytes = 100_000_000;

    /// <summary>Called at the start and at the end of the measured part.</summary>
    public delegate Task Sampling();

    public async Task<LoadOutcome> RunAsync(
        LoadOrder order, Sampling begin, Sampling end, CancellationToken cancellationToken)
    {
        var phase = new LoadPhase();
        var workers = Workers(order, phase);
        // A garbage collection here would stop the load's threads and look like the server's latency.
        GC.TryStartNoGCRegion(NoGcBytes);
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

    private LoadWorker[] Workers(LoadOrder order, LoadPhase phase)
    {
        return [.. Enumerable.Range(0, order.Connections).Select(NewWorker)];

        LoadWorker NewWorker(int i) => new(
            new LoadConnection(order.Address, tokens, LoadOutcome.KeyPrefix(order.RunNumber, i)),
            new BidSource(order.Mix, order.Auctions, tokens.Count, seed: order.RunNumber * 1_000 + i),
            order, i, phase, timeProvider);
    }

    /// <summary>Waits so long, or until a worker fails.</summary>
    private async Task DelayAsync(double seconds, Task running, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var delay = Task.Delay(TimeSpan.FromSeconds(seconds), timeProvider, stop.Token);
        if (await Task.WhenAny(running, delay) == running) await running;
        await stop.CancelAsync();
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

        var (leading, outbid, rejected) = (Count(Answer.Leading), Count(Answer.Outbid), Count(Answer.Rejected));
        return new LoadOutcome(seconds, leading + outbid + rejected, leading, outbid, rejected,
            workers.Sum(w => w.Replayed), errors, workers.Sum(w => w.Source.Contradictions),
            workers.Sum(w => w.Unanswered), latencies, [.. workers.Select(w => w.Source)], order.RunNumber);

        long Count(Answer answer) => workers.Sum(w => w.Answers[(int)answer]);
    }
}

/// <summary>
/// A histogram of durations from 1 us to an hour. Each bucket is less than 1.6 % of its value wide.
/// </summary>
internal sealed class Latencies
{
    private const int SubBits = 6, Sub = 1 << SubBits;
    private readonly long[] _counts = new long[(33 - SubBits) * Sub];

    public long Count { get; private set; }

    public void Add(long us)
    {
        _counts[IndexOf(Math.Clamp(us, 0, uint.MaxValue))]++;
        Count++;
    }

    public void Add(Latencies other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Count += other.Count;
    }

    /// <summary>The upper bound of the quantile's bucket, in milliseconds; 0 if nothing was added.</summary>
    public double Ms(double quantile)
    {
        var rank = (long)Math.Ceiling(quantile * Count);
        for (var i = 0; i < _counts.Length && rank > 0; i++)
        {
            if ((rank -= _counts[i]) <= 0) return UpperBound(i) / 1_000.0;
        }

        return 0;
    }

    private static int IndexOf(long us)
    {
        if (us < Sub) return (int)us;
        var shift = BitOperations.Log2((ulong)us) - SubBits;
        return (shift + 1) * Sub + (int)(us >> shift) - Sub;
    }

    private static double UpperBound(int index)
    {
        if (index < Sub) return index;
        var shift = index / Sub - 1;
        return ((long)(index % Sub + Sub + 1) << shift) - 1;
    }
}

namespace Auctions.Benchmarks.Load;

/// <summary>The phase of a run: first the warm-up. The run's task sets it, and all workers read it.</summary>
internal sealed class LoadPhase
{
    private volatile int _phase;

    public bool Measuring => _phase == 1;

    public bool Draining => _phase == 2;

    public void Measure() => _phase = 1;

    public void Drain() => _phase = 2;
}

/// <summary>
/// One connection's part of a load.
/// <para>Concurrency: one dedicated thread runs each loop. Other threads touch only the <see cref="LoadPhase"/>, and
/// the <see cref="AuctionSet"/> behind the source. The counts may be read once the loop's task has ended.</para>
/// <para>Lifecycle: a loop runs until the phase is draining, then waits for the calls in flight. An exception ends it,
/// and its task has that exception.</para>
/// <para>Invariants: a closed loop sends one request for each call that ended. An open loop sends at the drawn times;
/// latency counts from the time at which a request should have been sent.</para>
/// <para>Bounds: this worker's share of the callers bounds the calls in flight; in a closed loop exactly, in an open
/// loop at most. The drain takes at most 20 seconds.</para>
/// </summary>
internal sealed class LoadWorker(
    LoadConnection connection, BidSource source, LoadOrder order, int index, LoadPhase phase, TimeProvider timeProvider)
    : IDisposable
{
    private const int WaitMs = 100;
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(20);

    private readonly List<BidCall> _ended = [];
    private readonly List<int> _errors = [];

    public BidSource Source { get; } = source;
    public Latencies Latencies { get; } = new();
    public SortedDictionary<int, long> Errors { get; } = [];
    public long[] Answers { get; } = new long[Enum.GetValues<Answer>().Length];
    public long Replayed { get; private set; }
    public long Unanswered { get; private set; }

    /// <summary>This worker's share of the callers.</summary>
    private int Share => order.Callers / order.Connections + (index < order.Callers % order.Connections ? 1 : 0);

    public Task RunAsync() => OnThread(order.RatePerS > 0 ? RunOpen : RunClosed);

    /// <summary>Bids once on every <paramref name="of"/>th auction, starting at <paramref name="first"/>.</summary>
    public Task TouchAsync(int first, int of) => OnThread(() =>
    {
        var next = first;
        for (var i = 0; i < Share; i++) SendNext();
        connection.Flush();
        while (connection.InFlight > 0 && !phase.Draining) Receive(WaitMs, _ => SendNext());

        void SendNext()
        {
            if (next >= order.Auctions.Ids.Count) return;
            Send(Source.First(next), timeProvider.GetTimestamp());
            next += of;
        }
    });

    public void Dispose() => connection.Dispose();

    private void RunClosed()
    {
        for (var i = 0; i < Share; i++) Send(Source.Next(), timeProvider.GetTimestamp());
        connection.Flush();
        while (!phase.Draining) Receive(WaitMs, now => Send(Source.Next(), now));
        Drain();
    }

    /// <summary>
    /// A request that could not be sent in time, because too many calls were in flight or the thread was late, is sent
    /// as soon as possible. Its latency counts from the time at which it should have been sent.
    /// </summary>
    private void RunOpen()
    {
        var arrivals = new Random(order.RunNumber * 1_000 + index);
        var mean = timeProvider.TimestampFrequency * order.Connections / order.RatePerS;
        var due = timeProvider.GetTimestamp() + Gap();
        while (!phase.Draining)
        {
            var now = timeProvider.GetTimestamp();
            for (; due <= now && connection.InFlight < Share && connection.CanSend; due += Gap())
                Send(Source.Next(), (long)due);
            connection.Flush();
            var waitMs = (due - timeProvider.GetTimestamp()) * 1_000 / timeProvider.TimestampFrequency;
            var untilDueMs = (int)Math.Clamp(Math.Ceiling(waitMs), 0, WaitMs);
            Receive(connection.InFlight >= Share ? WaitMs : untilDueMs, null);
        }

        Drain();

        // Bidders bid independently of one another, so the gaps between their bids are exponential.
        double Gap() => -Math.Log(1 - arrivals.NextDouble()) * mean;
    }

    private void Drain()
    {
        var began = timeProvider.GetTimestamp();
        while (connection.InFlight > 0 && timeProvider.GetElapsedTime(began) < DrainMax) Receive(WaitMs, null);
        Unanswered = connection.InFlight;
    }

    private void Send(in BidCall call, long intendedAt)
    {
        var sent = call;
        sent.IntendedAt = intendedAt;
        connection.Send(sent, order.Auctions.IdTexts[call.Auction]);
    }

    /// <param name="next">Called for each call that ended, with the time.</param>
    private void Receive(int waitMs, Action<long>? next)
    {
        _ended.Clear();
        _errors.Clear();
        connection.Receive(waitMs, _ended, _errors);
        var now = timeProvider.GetTimestamp();
        foreach (var call in _ended)
        {
            Source.Answered(call);
            if (phase.Measuring) Count(call, now);
            next?.Invoke(now);
        }

        if (phase.Measuring)
            foreach (var status in _errors) Errors[status] = Errors.GetValueOrDefault(status) + 1;
        connection.Flush();
    }

    private void Count(in BidCall call, long now)
    {
        Answers[(int)call.Got]++;
        if (call.Got == Answer.Error) return;
        if (call.Replayed) Replayed++;
        Latencies.Add((long)timeProvider.GetElapsedTime(call.IntendedAt, now).TotalMicroseconds);
    }

    private static Task OnThread(Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                work();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        { IsBackground = true, Name = "load" }.Start();
        return done.Task;
    }
}

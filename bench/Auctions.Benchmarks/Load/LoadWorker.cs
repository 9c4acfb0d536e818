namespace Auctions.Benchmarks.Load;

/// <summary>Where a run is; written by one thread, looked at by all.</summary>
internal sealed class LoadPhase
{
    private volatile int _phase;

    public bool Measuring => _phase == 1;

    public bool Draining => _phase == 2;

    public void Measure() => _phase = 1;

    public void Drain() => _phase = 2;
}

/// <summary>One connection's part of a load, on a thread of its own.</summary>
internal sealed class LoadWorker(
    LoadConnection connection, BidSource source, LoadOrder order, int index, LoadPhase phase, TimeProvider timeProvider) : IDisposable
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

    private int Share => order.Callers / order.Connections + (index < order.Callers % order.Connections ? 1 : 0);

    public Task RunAsync() => OnThread(order.RatePerS > 0 ? RunOpen : RunClosed);

    /// <summary>Every <paramref name="of"/>th auction, from this worker's first on.</summary>
    public Task TouchAsync(int first, int of) => OnThread(() =>
    {
        var next = first;
        for (var i = 0; i < Share; i++) SendNext();
        connection.Flush();
        while (connection.InFlight > 0 && !phase.Draining) Receive(WaitMs, _ => SendNext());

        void SendNext()
        {
            if (next >= order.Field.Auctions.Count) return;
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

    /// <summary>What could not be sent in time, because too much was in flight or the thread came late, is sent as soon as can be, and its
    /// latency counts from when it was meant to be sent.</summary>
    private void RunOpen()
    {
        var arrivals = new Random(order.RunNumber * 1_000 + index);
        var mean = timeProvider.TimestampFrequency * order.Connections / order.RatePerS;
        var due = timeProvider.GetTimestamp() + Gap();
        while (!phase.Draining)
        {
            for (var now = timeProvider.GetTimestamp(); due <= now && connection.InFlight < Share && connection.CanSend; due += Gap())
                Send(Source.Next(), (long)due);
            connection.Flush();
            var waitMs = (due - timeProvider.GetTimestamp()) * 1_000 / timeProvider.TimestampFrequency;
            Receive(connection.InFlight >= Share ? WaitMs : (int)Math.Clamp(Math.Ceiling(waitMs), 0, WaitMs), null);
        }

        Drain();

        // Bidders know nothing of one another: the gaps between their bids are exponential.
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
        connection.Send(sent, order.Field.Texts[call.Auction]);
    }

    private void Receive(int waitMs, Action<long>? next)
    {
        _ended.Clear();
        _errors.Clear();
        connection.Receive(waitMs, _ended, _errors);
        var now = timeProvider.GetTimestamp();
        foreach (var call in _ended)
        {
            Source.Took(call);
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
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        })
        { IsBackground = true, Name = "load" }.Start();
        return done.Task;
    }
}

namespace Auctions.Simulation;

/// <summary>
/// The only scheduler and clock of a simulated world. It runs ready continuations in random order and moves virtual
/// time forward only when nothing is ready. So code that awaits under this context can interleave in every possible
/// way, and the same seed gives the same run.
/// <para>Concurrency: one thread runs everything. Threads never share a world, so nothing here is locked.</para>
/// <para>Lifecycle: the loop runs only inside <see cref="RunUntil"/>, which returns when nothing is left to do before
/// that time. What is still scheduled stays for the next call.</para>
/// <para>Invariants: time never goes back. A timer runs no earlier than its due time, timers of one due time in the
/// order in which they were set. One random draw chooses each ready continuation, so the order of draws is part of a
/// history.</para>
/// <para>Bounds: none. A history ends because its clients and its faults end.</para>
/// </summary>
internal sealed class SimulatedScheduler(Random random) : SynchronizationContext
{
    private readonly List<(SendOrPostCallback Callback, object? State)> _ready = [];
    private readonly PriorityQueue<Action, (long DueUs, long Order)> _timers = new();
    private long _order;

    /// <summary>Virtual time, microseconds since 1970.</summary>
    public long NowUs { get; private set; } = 1_000_000_000_000;

    public override void Post(SendOrPostCallback d, object? state) => _ready.Add((d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Runs an action when this time has passed.</summary>
    public void After(long us, Action action) => _timers.Enqueue(action, (NowUs + Math.Max(0, us), _order++));

    /// <summary>Completes when this time has passed.</summary>
    public Task DelayAsync(long us)
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        After(us, passed.SetResult);
        return passed.Task;
    }

    /// <summary>Runs an action that starts tasks, so that their continuations come to this scheduler.</summary>
    public void InContext(Action action)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            action();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Runs until nothing is left to do before that time.</summary>
    public void RunUntil(long us) => InContext(() =>
    {
        while (StepBefore(us)) { }
        NowUs = Math.Max(NowUs, us);
    });

    private bool StepBefore(long us)
    {
        if (_ready.Count > 0)
        {
            var i = random.Next(_ready.Count);
            var (callback, state) = _ready[i];
            _ready[i] = _ready[^1];
            _ready.RemoveAt(_ready.Count - 1);
            callback(state);
            return true;
        }

        if (!_timers.TryPeek(out _, out var next) || next.DueUs > us) return false;
        NowUs = Math.Max(NowUs, next.DueUs);
        _timers.Dequeue()();
        return true;
    }
}

/// <summary>
/// The virtual time of <see cref="SimulatedScheduler"/> for code that takes a <see cref="TimeProvider"/>. Each server
/// or process has one of its own, with its own error.
/// </summary>
internal sealed class SimulatedTimeProvider(SimulatedScheduler scheduler) : TimeProvider
{
    /// <summary>How far this clock is ahead, microseconds.</summary>
    public long ErrorUs { get; set; }

    /// <summary>The process has died: its timers no longer fire.</summary>
    public bool Dead { get; set; }

    public override DateTimeOffset GetUtcNow() => Core.Microseconds.ToTime(scheduler.NowUs + ErrorUs);

    public override long GetTimestamp() => scheduler.NowUs;

    public override long TimestampFrequency => 1_000_000;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new OneShotTimer();
        if (dueTime >= TimeSpan.Zero)
        {
            scheduler.After((long)dueTime.TotalMicroseconds, () =>
            {
                if (!timer.Disposed && !Dead) callback(state);
            });
        }

        return timer;
    }

    /// <summary>Fires once: nothing in the bid path asks for a period.</summary>
    private sealed class OneShotTimer : ITimer
    {
        public bool Disposed { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period) => !Disposed;

        public void Dispose() => Disposed = true;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

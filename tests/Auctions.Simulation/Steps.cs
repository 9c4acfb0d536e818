namespace Auctions.Simulation;

/// <summary>
/// One thread, one clock, one dice: what is ready to run is run in random order, and time passes only when nothing is. Whatever
/// awaits under this context can be interleaved in every way, and the same seed gives the same run.
/// </summary>
internal sealed class Steps(Random random) : SynchronizationContext
{
    private readonly List<(SendOrPostCallback Callback, object? State)> _ready = [];
    private readonly PriorityQueue<Action, (long DueUs, long Order)> _timers = new();
    private long _order;

    /// <summary>Virtual time, microseconds since 1970.</summary>
    public long NowUs { get; private set; } = 1_000_000_000_000;

    public override void Post(SendOrPostCallback d, object? state) => _ready.Add((d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Runs an action when that much time has passed.</summary>
    public void After(long us, Action action) => _timers.Enqueue(action, (NowUs + Math.Max(0, us), _order++));

    /// <summary>Completes when that much time has passed.</summary>
    public Task PassAsync(long us)
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        After(us, passed.SetResult);
        return passed.Task;
    }

    /// <summary>Runs until nothing is left to run before that time.</summary>
    public void RunUntil(long us)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            while (StepBefore(us)) { }
            NowUs = Math.Max(NowUs, us);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

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

/// <summary>The clock of <see cref="Steps"/> for code that takes a <see cref="TimeProvider"/>, off by its owner's error.</summary>
internal sealed class SimulatedTime(Steps steps) : TimeProvider
{
    /// <summary>How far this clock is ahead, microseconds.</summary>
    public long ErrorUs { get; set; }

    /// <summary>Its owner has died: nothing wakes it any more.</summary>
    public bool Dead { get; set; }

    public override DateTimeOffset GetUtcNow() => Core.Microseconds.ToTime(steps.NowUs + ErrorUs);

    public override long GetTimestamp() => steps.NowUs;

    public override long TimestampFrequency => 1_000_000;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer();
        if (dueTime >= TimeSpan.Zero)
            steps.After((long)dueTime.TotalMicroseconds, () => { if (!timer.Disposed && !Dead) callback(state); });
        return timer;
    }

    /// <summary>One shot: nobody in the bid path asks for a period.</summary>
    private sealed class Timer : ITimer
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

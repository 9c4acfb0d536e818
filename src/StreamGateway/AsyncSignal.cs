using System.Threading.Tasks.Sources;

namespace StreamGateway;

/// <summary>
/// Wakes one waiter, from any thread. What comes while nobody waits is kept, once: a viewer that is busy writing finds all that
/// happened meanwhile in one look, and needs no queue. Costs no allocation a wait.
/// </summary>
/// <remarks>
/// The waiter looks at everything after each wait, and whoever sets it has written before what is to be seen: so a set that
/// meets one not yet consumed may vanish in it.
/// </remarks>
internal sealed class AsyncSignal : IValueTaskSource
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Awake = 2;

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private int _state;

    public void Set()
    {
        if (Interlocked.Exchange(ref _state, Awake) == Waiting) _core.SetResult(true);
    }

    /// <summary>Ends with the next <see cref="Set"/>, or at once if one came since the last wait. One waiter at a time.</summary>
    public ValueTask WaitAsync()
    {
        _core.Reset(); // Nobody is in SetResult: that needs the state Waiting.
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle) return new ValueTask(this, _core.Version);
        Interlocked.Exchange(ref _state, Idle);
        return ValueTask.CompletedTask;
    }

    void IValueTaskSource.GetResult(short token)
    {
        _core.GetResult(token);
        Interlocked.Exchange(ref _state, Idle);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}

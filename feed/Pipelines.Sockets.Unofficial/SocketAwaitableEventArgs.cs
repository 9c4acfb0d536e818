using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Pipelines.Sockets.Unofficial;

/// <summary>
/// Socket arguments that can be awaited: start the operation, call <see cref="Complete"/> if it ended at once, await this.
/// One operation at a time; reusable after its result is taken, unless it was aborted.
/// </summary>
public class SocketAwaitableEventArgs : SocketAsyncEventArgs, ICriticalNotifyCompletion
{
    // What _continuation holds once the operation has ended.
    private static readonly Action Ended = () => { };

    private readonly PipeScheduler? _scheduler;
    private Action? _continuation;
    private int _abortedWith = (int)SocketError.Success;

    /// <summary>Continuations run on the scheduler; null runs them where the operation ended.</summary>
    // base(true): an awaiter captures the execution context itself, so the arguments need not.
    public SocketAwaitableEventArgs(PipeScheduler? ioScheduler = null)
        : base(true) =>
        _scheduler = ReferenceEquals(ioScheduler, PipeScheduler.Inline) ? null : ioScheduler;

    /// <summary>Whether the operation has ended, or was aborted.</summary>
    public bool IsCompleted => ReferenceEquals(Volatile.Read(ref _continuation), Ended);

    /// <summary>This is its own awaiter.</summary>
    public SocketAwaitableEventArgs GetAwaiter() => this;

    /// <summary>Ends the wait. The first call counts, whether it comes from the socket or from an abort.</summary>
    public void Complete()
    {
        var continuation = Interlocked.Exchange(ref _continuation, Ended);
        if (continuation is null || ReferenceEquals(continuation, Ended)) return;
        if (_scheduler is null) continuation();
        else _scheduler.Schedule(static state => ((Action)state!)(), continuation);
    }

    /// <summary>Ends the wait with an error, whatever the socket says later. The operation itself goes on.</summary>
    public void Abort(SocketError error = SocketError.OperationAborted)
    {
        if (error == SocketError.Success) throw new ArgumentOutOfRangeException(nameof(error), "An abort needs an error.");
        // A result that is already there stands.
        if (IsCompleted) return;
        Interlocked.CompareExchange(ref _abortedWith, (int)error, (int)SocketError.Success);
        Complete();
    }

    /// <summary>The bytes transferred.</summary>
    /// <exception cref="SocketException">The operation failed, or was aborted.</exception>
    public int GetResult()
    {
        var aborted = (SocketError)Volatile.Read(ref _abortedWith);
        if (aborted != SocketError.Success) throw new SocketException((int)aborted);
        Volatile.Write(ref _continuation, null);
        if (SocketError != SocketError.Success) throw new SocketException((int)SocketError);
        return BytesTransferred;
    }

    /// <inheritdoc/>
    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    /// <inheritdoc/>
    public void UnsafeOnCompleted(Action continuation)
    {
        if (ReferenceEquals(Interlocked.CompareExchange(ref _continuation, continuation, null), Ended)) continuation();
    }

    /// <inheritdoc/>
    protected override void OnCompleted(SocketAsyncEventArgs e) => Complete();
}

using System.IO.Pipelines;

namespace Pipelines.Sockets.Unofficial;

/// <summary>
/// Runs callbacks on threads of its own, so that a starved thread pool does not hold up the reading of replies.
/// When more waits than its queue may hold, the thread pool helps out. Callbacks must not throw.
/// </summary>
public sealed class DedicatedThreadPoolPipeScheduler : PipeScheduler, IDisposable
{
    private readonly Queue<(Action<object?> Action, object? State)> _waiting = new();
    private readonly int _queueLengthMax;
    private int _idle;
    private bool _disposed;
    private long _servicedByQueue;
    private long _servicedByPool;

    /// <summary>Starts the threads.</summary>
    /// <param name="name">Names the threads; null for the type's name.</param>
    /// <param name="workerCount">How many threads, at least 1.</param>
    /// <param name="useThreadPoolQueueLength">How many callbacks may wait before the thread pool is used.</param>
    /// <param name="priority">Of the threads.</param>
    public DedicatedThreadPoolPipeScheduler(
        string? name = null,
        int workerCount = 5,
        int useThreadPoolQueueLength = 10,
        ThreadPriority priority = ThreadPriority.Normal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workerCount, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(useThreadPoolQueueLength);
        WorkerCount = workerCount;
        _queueLengthMax = useThreadPoolQueueLength;
        for (var i = 0; i < workerCount; i++)
        {
            var worker = new Thread(Work)
            {
                IsBackground = true,
                Name = $"{name ?? nameof(DedicatedThreadPoolPipeScheduler)}:{i}",
                Priority = priority,
            };
            worker.Start();
        }
    }

    /// <summary>How many threads there are.</summary>
    public int WorkerCount { get; }

    /// <summary>How many threads have nothing to do.</summary>
    public int AvailableCount => Volatile.Read(ref _idle);

    /// <summary>Callbacks run on the threads so far.</summary>
    public long TotalServicedByQueue => Volatile.Read(ref _servicedByQueue);

    /// <summary>Callbacks handed to the thread pool so far.</summary>
    public long TotalServicedByPool => Volatile.Read(ref _servicedByPool);

    /// <inheritdoc/>
    public override void Schedule(Action<object?> action, object? state)
    {
        lock (_waiting)
        {
            if (!_disposed && _waiting.Count <= _queueLengthMax)
            {
                _waiting.Enqueue((action, state));
                if (_idle > 0) Monitor.Pulse(_waiting);
                return;
            }
        }

        Interlocked.Increment(ref _servicedByPool);
        System.Threading.ThreadPool.UnsafeQueueUserWorkItem(action, state, preferLocal: false);
    }

    /// <summary>Ends the threads once the queue is empty; what is scheduled later runs on the thread pool.</summary>
    public void Dispose()
    {
        lock (_waiting)
        {
            _disposed = true;
            Monitor.PulseAll(_waiting);
        }
    }

    private void Work()
    {
        while (TryTake(out var next))
        {
            next.Action(next.State);
            Interlocked.Increment(ref _servicedByQueue);
        }
    }

    private bool TryTake(out (Action<object?> Action, object? State) next)
    {
        lock (_waiting)
        {
            while (!_waiting.TryDequeue(out next))
            {
                if (_disposed) return false;
                _idle++;
                Monitor.Wait(_waiting);
                _idle--;
            }

            return true;
        }
    }
}

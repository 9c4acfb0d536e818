using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>
/// Tracks which transactions Kafka has acknowledged, and so the position up to which the log may be confirmed to
/// Postgres.
/// <para>Concurrency: one thread opens transactions and commits them, in log order. Acknowledgements come from any
/// thread in any order.</para>
/// <para>Lifecycle: one instance for each session; it starts with nothing confirmed and nothing open.</para>
/// <para>Invariants: <see cref="Confirmed"/> never falls, and never passes a transaction with an unacknowledged
/// message.</para>
/// <para>Bounds: one queue entry for each open transaction. The producer limits them: it accepts 100,000 unacknowledged
/// messages.</para>
/// </summary>
public sealed class ReplicationProgress
{
    private readonly Queue<Transaction> _open = new();
    private readonly Lock _lock = new();
    private TaskCompletionSource _advance = NewSignal();
    private NpgsqlLogSequenceNumber _confirmed;

    /// <summary>
    /// The position in the log up to which every transaction is acknowledged as a whole.
    /// </summary>
    public NpgsqlLogSequenceNumber Confirmed
    {
        get
        {
            lock (_lock) return _confirmed;
        }
    }

    /// <summary>The number of transactions that are not acknowledged as a whole.</summary>
    public int OpenCount
    {
        get
        {
            lock (_lock) return _open.Count;
        }
    }

    /// <summary>Opens the next transaction of the log.</summary>
    public Transaction Open()
    {
        var transaction = new Transaction(this);
        lock (_lock) _open.Enqueue(transaction);
        return transaction;
    }

    /// <summary>Completes when the next transaction is acknowledged as a whole, and all before it.</summary>
    public Task NextAdvance()
    {
        lock (_lock) return _advance.Task;
    }

    /// <summary>Waits until no transaction is open.</summary>
    public async Task AllDeliveredAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var nextAdvance = NextAdvance();
            if (OpenCount == 0) return;
            await nextAdvance.WaitAsync(cancellationToken);
        }
    }

    private void Advance()
    {
        TaskCompletionSource advance;
        lock (_lock)
        {
            var hasAdvanced = false;
            while (_open.TryPeek(out var first) && first.IsDelivered)
            {
                _open.Dequeue();
                if (first.End > _confirmed) _confirmed = first.End;
                hasAdvanced = true;
            }

            if (!hasAdvanced) return;
            advance = _advance;
            _advance = NewSignal();
        }

        advance.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The messages of one transaction.</summary>
    public sealed class Transaction
    {
        private readonly ReplicationProgress _progress;

        // One for each unacknowledged message, and one for the transaction itself until it is committed.
        private int _outstanding = 1;

        internal Transaction(ReplicationProgress progress) => _progress = progress;

        internal NpgsqlLogSequenceNumber End { get; private set; }

        internal bool IsDelivered => Volatile.Read(ref _outstanding) == 0;

        /// <summary>A message goes to Kafka. Call it before the message can be acknowledged.</summary>
        public void Sent() => Interlocked.Increment(ref _outstanding);

        /// <summary>Kafka has acknowledged a message.</summary>
        public void Acknowledged()
        {
            if (Interlocked.Decrement(ref _outstanding) == 0) _progress.Advance();
        }

        /// <summary>The transaction has no further messages.</summary>
        /// <param name="end">The end of its commit: the position from which a new session would continue.</param>
        public void Commit(NpgsqlLogSequenceNumber end)
        {
            End = end;
            Acknowledged();
        }
    }
}

using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>
/// Which transactions Kafka has acknowledged, up to which position without a hole. Transactions are opened and committed by one
/// thread in the order of the log; acknowledgements come from any thread in any order.
/// </summary>
public sealed class ReplicationProgress
{
    private readonly Queue<Transaction> _open = new();
    private readonly Lock _lock = new();
    private TaskCompletionSource _progress = NewSignal();
    private NpgsqlLogSequenceNumber _confirmed;

    /// <summary>Every transaction that ends at or before this is acknowledged as a whole.</summary>
    public NpgsqlLogSequenceNumber Confirmed
    {
        get
        {
            lock (_lock) return _confirmed;
        }
    }

    /// <summary>Transactions that are not acknowledged as a whole.</summary>
    public int OpenCount
    {
        get
        {
            lock (_lock) return _open.Count;
        }
    }

    /// <summary>The next transaction of the log.</summary>
    public Transaction Open()
    {
        var transaction = new Transaction(this);
        lock (_lock) _open.Enqueue(transaction);
        return transaction;
    }

    /// <summary>Ends when more is confirmed, or a transaction ended without moving the position.</summary>
    public Task NextProgress()
    {
        lock (_lock) return _progress.Task;
    }

    /// <summary>Waits until nothing is open.</summary>
    public async Task AllDeliveredAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var progress = NextProgress();
            if (OpenCount == 0) return;
            await progress.WaitAsync(cancellationToken);
        }
    }

    private void Advance()
    {
        TaskCompletionSource progress;
        lock (_lock)
        {
            var closed = false;
            while (_open.TryPeek(out var first) && first.IsDelivered)
            {
                _open.Dequeue();
                if (first.End > _confirmed) _confirmed = first.End;
                closed = true;
            }

            if (!closed) return;
            progress = _progress;
            _progress = NewSignal();
        }

        progress.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The messages of a transaction.</summary>
    public sealed class Transaction
    {
        private readonly ReplicationProgress _all;

        // One for the transaction itself, until it is committed, and one for each message on its way.
        private int _outstanding = 1;

        internal Transaction(ReplicationProgress all) => _all = all;

        internal NpgsqlLogSequenceNumber End { get; private set; }

        internal bool IsDelivered => Volatile.Read(ref _outstanding) == 0;

        /// <summary>A message is on its way.</summary>
        public void Sent() => Interlocked.Increment(ref _outstanding);

        /// <summary>Kafka has a message, on as many brokers as it takes.</summary>
        public void Acknowledged()
        {
            if (Interlocked.Decrement(ref _outstanding) == 0) _all.Advance();
        }

        /// <summary>There are no more messages.</summary>
        /// <param name="end">Where the next transaction starts in the log.</param>
        public void Commit(NpgsqlLogSequenceNumber end)
        {
            End = end;
            Acknowledged();
        }
    }
}

using Auctions.Ledger;

namespace StreamGateway;

/// <summary>
/// Reads auctions from Postgres. While a query is in flight, what is asked for waits and goes together in the next one: a lone
/// viewer waits for nothing, and ten thousand who come back at once cost a few queries.
/// </summary>
/// <param name="query">The rows of these auctions, those that there are.</param>
internal sealed class LedgerReads(Func<Guid[], Task<IReadOnlyList<PublicAuction>>> query)
{
    /// <summary>Auctions a query.</summary>
    public const int BatchMax = 500;

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, TaskCompletionSource<PublicAuction?>> _asked = [];
    private bool _reading;

    /// <summary>An auction as it is now: the query begins after this call. Null where there is no such auction.</summary>
    /// <exception cref="LedgerUnavailableException">Postgres did not answer.</exception>
    public Task<PublicAuction?> ReadAsync(Guid id)
    {
        lock (_gate)
        {
            if (!_asked.TryGetValue(id, out var answer))
                _asked.Add(id, answer = new(TaskCreationOptions.RunContinuationsAsynchronously));
            if (!_reading)
            {
                _reading = true;
                _ = Task.Run(ReadWhatIsAskedAsync);
            }

            return answer.Task;
        }
    }

    private async Task ReadWhatIsAskedAsync()
    {
        while (TakeBatch() is { Count: > 0 } batch)
        {
            try
            {
                var rows = (await query([.. batch.Keys])).ToDictionary(row => row.Id);
                foreach (var (id, answer) in batch) answer.SetResult(rows.GetValueOrDefault(id));
            }
            catch (Exception e)
            {
                foreach (var answer in batch.Values)
                    answer.TrySetException(new LedgerUnavailableException("The auctions could not be read from Postgres.", e));
            }
        }
    }

    private Dictionary<Guid, TaskCompletionSource<PublicAuction?>> TakeBatch()
    {
        lock (_gate)
        {
            var batch = _asked.Take(BatchMax).ToDictionary();
            foreach (var id in batch.Keys) _asked.Remove(id);
            _reading = batch.Count > 0;
            return batch;
        }
    }
}

using Auctions.Ledger;
using Npgsql;

namespace StreamGateway;

/// <summary>An auction that there is.</summary>
/// <param name="Auction">Null if its row cannot be read.</param>
/// <param name="Fault">Why it cannot be read.</param>
internal readonly record struct ReadAuction(Guid Id, PublicAuction? Auction, FormatException? Fault);

/// <summary>
/// Reads auctions from Postgres in batches: a single viewer waits for nothing, and ten thousand viewers that
/// reconnect at once cost a few queries.
/// <para>Concurrency: any thread may ask. One query is in flight at a time; reads that are asked for meanwhile go
/// together in the next one, and reads of the same auction share a result.</para>
/// <para>Lifecycle: the loop starts with the first read and ends when no read is pending.</para>
/// <para>Invariants: the query of a read begins after its call, so the row is not older than the call. Every read
/// completes, with a row, null or an exception. A row that cannot be read fails its own read only.</para>
/// <para>Bounds: <see cref="BatchMax"/> auctions per query; one pending read per auction.</para>
/// </summary>
/// <param name="query">Returns the rows of these auctions; auctions that do not exist are left out.</param>
internal sealed class LedgerReads(Func<Guid[], Task<IReadOnlyList<ReadAuction>>> query)
{
    public const int BatchMax = 500;

    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, TaskCompletionSource<PublicAuction?>> _pending = [];
    private bool _running;

    /// <summary>Reads an auction; null if there is no such auction.</summary>
    /// <exception cref="LedgerUnavailableException">Postgres did not answer.</exception>
    /// <exception cref="FormatException">The auction's row cannot be read.</exception>
    public Task<PublicAuction?> ReadAsync(Guid auctionId)
    {
        lock (_gate)
        {
            if (!_pending.TryGetValue(auctionId, out var read))
                _pending.Add(auctionId, read = new(TaskCreationOptions.RunContinuationsAsynchronously));
            if (!_running)
            {
                _running = true;
                _ = Task.Run(ReadPendingAsync);
            }

            return read.Task;
        }
    }

    private async Task ReadPendingAsync()
    {
        while (TakeBatch() is { Count: > 0 } batch)
        {
            try
            {
                var rows = (await query([.. batch.Keys])).ToDictionary(row => row.Id);
                foreach (var (id, read) in batch)
                {
                    var row = rows.GetValueOrDefault(id);
                    if (row.Fault is null) read.SetResult(row.Auction);
                    else read.SetException(row.Fault);
                }
            }
            catch (Exception e)
            {
                var unavailable = new LedgerUnavailableException("The auctions could not be read from Postgres.", e);
                foreach (var read in batch.Values) read.TrySetException(unavailable);
            }
        }
    }

    private Dictionary<Guid, TaskCompletionSource<PublicAuction?>> TakeBatch()
    {
        lock (_gate)
        {
            var batch = _pending.Take(BatchMax).ToDictionary();
            foreach (var id in batch.Keys) _pending.Remove(id);
            _running = batch.Count > 0;
            return batch;
        }
    }
}

/// <summary>
/// Reads from Postgres the columns of change events, in the format of change events, so that one mapping serves both.
/// It reads no other columns: a ceiling or a reserve never gets here.
/// </summary>
internal sealed class PublicAuctionQuery(NpgsqlDataSource postgres)
{
    private const string Sql = """
        select id, row_to_json(published)::text
          from (select id, version, status, currency, opening, increment, price, leader, end_us, extensions, bid_count,
                       reserve_met, winner, end_reason
                  from auctions where id = any($1)) published
        """;

    /// <exception cref="NpgsqlException">Postgres did not answer.</exception>
    public async Task<IReadOnlyList<ReadAuction>> ReadAsync(Guid[] ids)
    {
        await using var connection = await ConnectGate.OpenAsync(postgres, CancellationToken.None);
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = ids });
        await using var rows = await command.ExecuteReaderAsync();
        var auctions = new List<ReadAuction>(ids.Length);
        while (await rows.ReadAsync()) auctions.Add(Parse(rows.GetGuid(0), rows.GetFieldValue<byte[]>(1)));
        return auctions;
    }

    private static ReadAuction Parse(Guid id, byte[] row)
    {
        try
        {
            return new ReadAuction(id, PublicAuction.Parse(row), null);
        }
        catch (FormatException fault)
        {
            return new ReadAuction(id, null, fault);
        }
    }
}

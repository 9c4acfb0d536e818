using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// The ledger's part in starting and closing auctions in waves. It knows, by the ledger's clock, which auctions are due
/// and when the next ones are, and it gives each due auction to one wave only. Every call may throw
/// <see cref="LedgerUnavailableException"/>: the outcome is then unknown, and a repeated call finds it out.
/// </summary>
public sealed class LedgerWaves(NpgsqlDataSource source, LedgerStatements sql)
{
    private readonly LedgerConnections _connections = new(source);

    /// <summary>Starts the given auctions, if they are scheduled and their start has come.</summary>
    /// <returns>The auctions that this call started.</returns>
    public Task<List<Guid>> StartAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            Guid[] ids = [.. auctionIds];
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands = { LedgerCommands.Part(sql.LockAuctions, ids), LedgerCommands.Part(sql.Start, ids) },
            };
            await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
            await rows.NextResultAsync(cancellationToken);
            var started = new List<Guid>();
            while (await rows.ReadAsync(cancellationToken)) started.Add(rows.GetGuid(0));
            await rows.NextResultAsync(cancellationToken); // after the last result, Postgres has committed
            return started;
        }, cancellationToken);

    /// <summary>Scheduled auctions whose start has come, the earliest first.</summary>
    public Task<List<Guid>> FindStartingAsync(int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(sql.Starting, row => row.GetGuid(0), cancellationToken, (long)limit), cancellationToken);

    /// <summary>
    /// Claims auctions whose end has come, the most overdue first. No other wave closes them until the claim is
    /// disposed. If this process dies, its claims end at once.
    /// </summary>
    public Task<DueClaim> ClaimDueAsync(int limit, CancellationToken cancellationToken) =>
        _connections.TryAsync(async () =>
        {
            var connection = await source.OpenConnectionAsync(cancellationToken);
            try
            {
                var transaction = await connection.BeginTransactionAsync(cancellationToken);
                var due = await connection.QueryAsync(
                    sql.ClaimDue, row => row.GetGuid(0), cancellationToken, (long)limit);
                return new DueClaim(connection, transaction, due);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        });

    /// <summary>
    /// The future times at which an auction starts or ends, in order. The next waves are due at these times.
    /// </summary>
    /// <param name="aheadUs">How far to look ahead, in microseconds.</param>
    /// <param name="stepUs">
    /// Times are rounded up to a multiple of this, in microseconds, so that one wave takes many auctions.
    /// </param>
    public Task<List<long>> FindNextInstantsAsync(
        long aheadUs, long stepUs, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(
                sql.NextInstants, row => row.GetInt64(0), cancellationToken, aheadUs, stepUs, (long)limit),
            cancellationToken);
}

/// <summary>Auctions that one wave will close. Other waves skip them until this is disposed.</summary>
public sealed class DueClaim : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;

    internal DueClaim(NpgsqlConnection connection, NpgsqlTransaction transaction, IReadOnlyList<Guid> auctionIds) =>
        (_connection, _transaction, AuctionIds) = (connection, transaction, auctionIds);

    /// <summary>The most overdue first.</summary>
    public IReadOnlyList<Guid> AuctionIds { get; }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }
}

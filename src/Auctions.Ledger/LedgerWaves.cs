using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// What waves need: which auctions are due by the ledger's clock, when the next ones are due, who closes them; and
/// starting. Every call may throw <see cref="LedgerUnavailableException"/>; the same call again finds out.
/// </summary>
public sealed class LedgerWaves(NpgsqlDataSource source, LedgerStatements sql)
{
    private readonly LedgerConnections _connections = new(source);

    /// <summary>Starts those of the auctions that are scheduled and due.</summary>
    /// <returns>Those that this call started.</returns>
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
            await rows.NextResultAsync(cancellationToken); // behind the last result: committed
            return started;
        }, cancellationToken);

    /// <summary>Scheduled auctions whose start has come, the earliest first.</summary>
    public Task<List<Guid>> FindStartingAsync(int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(sql.Starting, row => row.GetGuid(0), cancellationToken, (long)limit), cancellationToken);

    /// <summary>
    /// Takes auctions whose end has come, the most overdue first, so that no other wave closes them. They are free
    /// again when the claim is disposed, and at once when this process dies.
    /// </summary>
    public Task<DueClaim> ClaimDueAsync(int limit, CancellationToken cancellationToken) =>
        _connections.TryAsync(async () =>
        {
            var connection = await source.OpenConnectionAsync(cancellationToken);
            try
            {
                var transaction = await connection.BeginTransactionAsync(cancellationToken);
                var due = await connection.QueryAsync(sql.ClaimDue, row => row.GetGuid(0), cancellationToken, (long)limit);
                return new DueClaim(connection, transaction, due);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        });

    /// <summary>
    /// The instants after now at which an auction starts or ends, in order: when the next waves are due.
    /// </summary>
    /// <param name="aheadUs">How far to look, in microseconds.</param>
    /// <param name="stepUs">Instants are rounded up to a multiple of this, so that one wave takes many
    /// auctions.</param>
    public Task<List<long>> FindNextInstantsAsync(
        long aheadUs, long stepUs, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(sql.NextInstants, row => row.GetInt64(0), cancellationToken, aheadUs, stepUs, (long)limit),
            cancellationToken);
}

/// <summary>Auctions that one wave has taken to close; other waves skip them until this is disposed.</summary>
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

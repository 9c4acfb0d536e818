using Npgsql;

namespace Auctions.Ledger;

/// <summary>The waves of starting and closing, on Postgres.</summary>
public sealed class LedgerWaves(LedgerPools pools, LedgerStatements sql) : ILedgerWaves
{
    private readonly LedgerConnections _connections = new(pools.Closing);

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public Task<List<Guid>> FindStartingAsync(
        int limit, IReadOnlyCollection<Guid> aside, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(
                sql.Starting, row => row.GetGuid(0), cancellationToken, (long)limit, aside.ToArray()),
            cancellationToken);

    /// <inheritdoc/>
    public Task<DueClaim> ClaimDueAsync(
        int limit, IReadOnlyCollection<Guid> aside, CancellationToken cancellationToken) =>
        _connections.TryAsync(async () =>
        {
            var connection = await ConnectGate.OpenAsync(pools.Closing, cancellationToken);
            try
            {
                var transaction = await connection.BeginTransactionAsync(cancellationToken);
                var due = await connection.QueryAsync(
                    sql.ClaimDue, row => row.GetGuid(0), cancellationToken, (long)limit, aside.ToArray());
                return new DueClaim(due, transaction, connection);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        });

    /// <inheritdoc/>
    public Task<List<long>> FindNextInstantsAsync(
        long aheadUs, long stepUs, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(
                sql.NextInstants, row => row.GetInt64(0), cancellationToken, aheadUs, stepUs, (long)limit),
            cancellationToken);
}

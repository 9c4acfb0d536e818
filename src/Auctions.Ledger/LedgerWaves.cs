using Dapper;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// What waves need to know and to do: which auctions are due, when the next ones are, who closes them; and starting. Every call may
/// throw <see cref="LedgerUnavailableException"/>; the same call again finds out.
/// </summary>
public sealed class LedgerWaves(NpgsqlDataSource source)
{
    private static readonly string LockSql = EmbeddedSql.Statement("lock");
    private static readonly string StartSql = EmbeddedSql.Statement("start");
    private static readonly string ClaimDueSql = EmbeddedSql.Statement("claim_due");
    private static readonly string NextInstantsSql = EmbeddedSql.Statement("next_instants");

    private readonly LedgerConnections _connections = new(source);

    /// <summary>Starts those of the auctions that are scheduled and due.</summary>
    /// <returns>Those that this call started.</returns>
    public Task<IReadOnlyList<Guid>> StartAsync(IReadOnlyList<Guid> auctionIds, long nowUs, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            Guid[] ids = [.. auctionIds];
            await using var batch = new NpgsqlBatch(connection) { BatchCommands = { LedgerCommands.Part(LockSql, ids), LedgerCommands.Part(StartSql, ids, nowUs) } };
            await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
            await rows.NextResultAsync(cancellationToken);
            var started = new List<Guid>();
            while (await rows.ReadAsync(cancellationToken)) started.Add(rows.GetGuid(0));
            await rows.NextResultAsync(cancellationToken); // past the end: committed
            return (IReadOnlyList<Guid>)started;
        }, cancellationToken);

    /// <summary>Scheduled auctions whose start has come, the earliest first.</summary>
    public Task<IReadOnlyList<Guid>> FindStartingAsync(int limit, long nowUs, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection => (IReadOnlyList<Guid>)[.. await connection.QueryAsync<Guid>(new CommandDefinition(
            "select id from auctions where status = 'scheduled' and start_us <= @nowUs order by start_us limit @limit",
            new { nowUs, limit }, cancellationToken: cancellationToken))], cancellationToken);

    /// <summary>
    /// Takes auctions whose end has come, the most overdue first, so that no other wave closes them. They are free again when the claim is
    /// disposed, and at once when this process dies.
    /// </summary>
    public Task<DueClaim> ClaimDueAsync(int limit, long nowUs, CancellationToken cancellationToken) =>
        _connections.TryAsync(async () =>
        {
            var connection = await source.OpenConnectionAsync(cancellationToken);
            try
            {
                var transaction = await connection.BeginTransactionAsync(cancellationToken);
                await using var command = connection.Command(ClaimDueSql, nowUs, (long)limit);
                var auctionIds = new List<Guid>();
                await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
                {
                    while (await rows.ReadAsync(cancellationToken)) auctionIds.Add(rows.GetGuid(0));
                }

                return new DueClaim(connection, transaction, auctionIds);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        });

    /// <summary>The instants after now at which an auction starts or ends, in order: when the waves are due.</summary>
    /// <param name="untilUs">How far to look.</param>
    /// <param name="stepUs">Instants are rounded up to a multiple of this, so that a wave takes many.</param>
    public Task<IReadOnlyList<long>> FindNextInstantsAsync(long nowUs, long untilUs, long stepUs, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection => (IReadOnlyList<long>)[.. await connection.QueryAsync<long>(new CommandDefinition(
            NextInstantsSql, new { after = nowUs, until = untilUs, step = stepUs, limit }, cancellationToken: cancellationToken))], cancellationToken);
}

/// <summary>Auctions that one wave has taken to close; others pass them over until this is disposed.</summary>
public sealed class DueClaim : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;

    internal DueClaim(NpgsqlConnection connection, NpgsqlTransaction transaction, IReadOnlyList<Guid> auctionIds)
    {
        _connection = connection;
        _transaction = transaction;
        AuctionIds = auctionIds;
    }

    /// <summary>The most overdue first.</summary>
    public IReadOnlyList<Guid> AuctionIds { get; }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }
}

using Auctions.Ctl.Verify;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Ctl.Inspect;

/// <summary>A field of an auction's head, in both stores.</summary>
/// <param name="Redis">Null where Redis does not hold it.</param>
public sealed record HeadField(string Field, string Ledger, string? Redis, bool Differs);

/// <summary>What is pending in Redis: decided, and not known to be in the ledger.</summary>
public sealed record PendingEntry(long Version, string Line, bool InLedger);

/// <summary>All that both stores hold of one auction.</summary>
/// <param name="Last">The newest answers of the ledger, refusals too, newest first.</param>
public sealed record Inspection(
    Guid AuctionId, IReadOnlyDictionary<string, string?> Row, IReadOnlyList<HeadField> Head, bool InRedis,
    IReadOnlyList<PendingEntry> Pending, IReadOnlyList<LedgerRow> Last)
{
    /// <summary>Null where the ledger has no such auction.</summary>
    public static async Task<Inspection?> ReadAsync(NpgsqlDataSource postgres, IDatabase redis, Guid id, int last, CancellationToken cancellationToken)
    {
        var hot = await RedisCopy.ReadAsync(redis, id).ConfigureAwait(false);
        await using var connection = await postgres.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var snapshot = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        if (await HeadAsync(connection, id, cancellationToken).ConfigureAwait(false) is not { } head) return null;
        var entries = await LastAsync(connection, id, last, cancellationToken).ConfigureAwait(false);
        var fields = head.AsHash().Select(field => (field, hot.Hash.GetValueOrDefault(field.Field)))
            .Select(f => new HeadField(f.field.Field, f.field.Value, f.Item2, hot.Hash.Count > 0 && f.Item2 != f.field.Value));
        return new Inspection(id, await RowAsync(connection, id, cancellationToken).ConfigureAwait(false), [.. fields], hot.Hash.Count > 0,
            [.. hot.Pending.Select(entry => new PendingEntry(entry.Version, entry.Line, entry.Version <= head.Version))], entries);
    }

    private static async Task<LedgerHead?> HeadAsync(NpgsqlConnection connection, Guid id, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, $"select {LedgerHead.Columns} from auctions where id = $1", id);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await reader.ReadAsync(cancellationToken).ConfigureAwait(false) ? LedgerHead.Read(reader) : null;
    }

    /// <summary>Every column as text, whatever columns there are.</summary>
    private static async Task<IReadOnlyDictionary<string, string?>> RowAsync(NpgsqlConnection connection, Guid id, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, "select f.key, f.value from auctions a, json_each_text(row_to_json(a)) f where a.id = $1", id);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var row = new Dictionary<string, string?>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) row.Add(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1));
        return row;
    }

    private static async Task<List<LedgerRow>> LastAsync(NpgsqlConnection connection, Guid id, int last, CancellationToken cancellationToken)
    {
        await using var command = Command(connection,
            $"select {LedgerRow.Columns} from ledger where auction_id = $1 order by coalesce(version, basis) desc, version nulls first, decided_us desc limit $2", id);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = last });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var rows = new List<LedgerRow>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(LedgerRow.Read(reader));
        return rows;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, Guid id)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = id });
        return command;
    }
}

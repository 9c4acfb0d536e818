using Auctions.Events;
using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>
/// Every row of the table of auctions at one position of the log, as <c>op: r</c>. What the log brings afterwards may be older than
/// the snapshot, since the slot's position may be: consumers go by the version.
/// </summary>
internal sealed class Snapshot(
    RelayOptions options, NpgsqlDataSource source, EventProducer producer, ReplicationProgress deliveries, ChangeEncoder encoder, TimeProvider clock, ILogger logger)
{
    private const string Schema = "public";
    private const string Table = "auctions";

    /// <summary>Writes the rows and waits until Kafka has them.</summary>
    internal async Task TakeAsync(CancellationToken cancellationToken)
    {
        // A slot that is dropped with its connection gives a snapshot and the position that belongs to it.
        await using var replication = new LogicalReplicationConnection(options.PostgresForReplication);
        await replication.Open(cancellationToken);
        var slot = await replication.CreatePgOutputReplicationSlot(
            $"{options.Slot}_snapshot_{Environment.ProcessId}",
            temporarySlot: true,
            slotSnapshotInitMode: LogicalSlotSnapshotInitMode.Export,
            cancellationToken: cancellationToken);

        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        // The name comes from the server and cannot be a parameter.
        await ExecuteAsync(connection, $"begin isolation level repeatable read read only; set transaction snapshot '{slot.SnapshotName}'", cancellationToken);
        var rows = await SendAsync(connection, slot.ConsistentPoint, cancellationToken);
        await ExecuteAsync(connection, "commit", cancellationToken);
        await deliveries.AllDeliveredAsync(cancellationToken);
        RelayLog.Snapshot(logger, rows, slot.ConsistentPoint);
    }

    private async Task<int> SendAsync(NpgsqlConnection connection, NpgsqlLogSequenceNumber lsn, CancellationToken cancellationToken)
    {
        var columns = await PublishedAsync(connection, cancellationToken);
        var table = RelayedTable.Create(Schema, Table, columns);
        if (table is null || columns.Count == 0) return 0;
        var at = new ChangeSource
        {
            Schema = Schema,
            Table = Table,
            Database = options.Database,
            Lsn = (long)(ulong)lsn,
            TimestampMs = clock.GetUtcNow().ToUnixTimeMilliseconds(),
            IsSnapshot = true,
        };
        var list = string.Join(", ", columns.Select(c => $"\"{c.Name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"::text"));
        var transaction = deliveries.Open();
        var rows = 0;
        await using var command = new NpgsqlCommand($"select {list} from {Schema}.{Table}", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var values = new string?[columns.Count];
        for (; await reader.ReadAsync(cancellationToken); rows++)
        {
            for (var i = 0; i < values.Length; i++) values[i] = reader.IsDBNull(i) ? null : reader.GetString(i);
            var (key, value) = encoder.Snapshot(table, values, at);
            await producer.SendAsync(table.Topic, key, value, transaction, cancellationToken);
        }

        // A snapshot confirms nothing of the log.
        transaction.Commit(NpgsqlLogSequenceNumber.Invalid);
        return rows;
    }

    private async Task<List<Column>> PublishedAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        const string sql = """
            select a.attname::text, a.atttypid
            from pg_publication_tables p
            join pg_attribute a on a.attrelid = format('%I.%I', p.schemaname, p.tablename)::regclass and a.attname = any (p.attnames)
            where p.pubname = $1 and p.schemaname = $2 and p.tablename = $3
            order by a.attnum
            """;
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var name in (string[])[options.Publication, Schema, Table]) command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var columns = new List<Column>();
        while (await reader.ReadAsync(cancellationToken)) columns.Add(new Column(reader.GetString(0), reader.GetFieldValue<uint>(1)));
        return columns;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

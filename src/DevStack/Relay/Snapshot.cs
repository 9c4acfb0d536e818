using Auctions.Events;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>
/// Every row of the table of auctions at one position of the log, with <c>op: r</c>. Changes that follow in the stream
/// may be older than the snapshot, because the slot's position may be: consumers compare versions.
/// </summary>
internal sealed class Snapshot(
    RelayOptions options,
    NpgsqlDataSource dataSource,
    EventProducer producer,
    ReplicationProgress progress,
    ChangeEncoder encoder,
    TimeProvider timeProvider,
    ILogger logger)
{
    private const string Schema = "public";
    private const string Table = "auctions";

    /// <summary>Sends all rows and waits until Kafka has acknowledged them.</summary>
    internal async Task TakeAsync(CancellationToken cancellationToken)
    {
        // A temporary slot exports a snapshot and the position of the log that belongs to it.
        await using var replication = new LogicalReplicationConnection(options.PostgresForReplication);
        await replication.Open(cancellationToken);
        var slot = await replication.CreatePgOutputReplicationSlot(
            $"{options.Slot}_snapshot_{Environment.ProcessId}",
            temporarySlot: true,
            slotSnapshotInitMode: LogicalSlotSnapshotInitMode.Export,
            cancellationToken: cancellationToken);

        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        // The name comes from the server, and this statement takes no parameters.
        var begin = "begin isolation level repeatable read read only; "
            + $"set transaction snapshot '{slot.SnapshotName}'";
        await ExecuteAsync(connection, begin, cancellationToken);
        var rows = await SendRowsAsync(connection, slot.ConsistentPoint, cancellationToken);
        await ExecuteAsync(connection, "commit", cancellationToken);
        await progress.AllDeliveredAsync(cancellationToken);
        logger.SnapshotTaken(rows, slot.ConsistentPoint);
    }

    private async Task<int> SendRowsAsync(
        NpgsqlConnection connection, NpgsqlLogSequenceNumber lsn, CancellationToken cancellationToken)
    {
        var columns = await PublishedColumnsAsync(connection, cancellationToken);
        var table = RelayedTable.Create(Schema, Table, columns)!;
        var source = new ChangeSource
        {
            Schema = Schema,
            Table = Table,
            Database = options.Database,
            Lsn = (long)(ulong)lsn,
            TimestampMs = timeProvider.GetUtcNow().ToUnixTimeMilliseconds(),
            IsSnapshot = true,
        };
        var list = string.Join(", ", columns.Select(c => $"{Quoted(c.Name)}::text"));
        var transaction = progress.Open();
        var rows = 0;
        await using var command = new NpgsqlCommand($"select {list} from {Schema}.{Table}", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var values = new string?[columns.Count];
        for (; await reader.ReadAsync(cancellationToken); rows++)
        {
            for (var i = 0; i < values.Length; i++) values[i] = reader.IsDBNull(i) ? null : reader.GetString(i);
            var (key, value) = encoder.EncodeSnapshotRow(table, values, source);
            await producer.SendAsync(table.Topic, key, value, transaction, cancellationToken);
        }

        // A snapshot does not advance the confirmed position.
        transaction.Commit(NpgsqlLogSequenceNumber.Invalid);
        return rows;
    }

    private async Task<List<Column>> PublishedColumnsAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        const string query = """
            select a.attname::text, a.atttypid
            from pg_publication_tables p
            join pg_attribute a
              on a.attrelid = format('%I.%I', p.schemaname, p.tablename)::regclass and a.attname = any (p.attnames)
            where p.pubname = $1 and p.schemaname = $2 and p.tablename = $3
            order by a.attnum
            """;
        await using var command = new NpgsqlCommand(query, connection);
        foreach (var name in (string[])[options.Publication, Schema, Table])
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        }

        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var columns = new List<Column>();
        while (await reader.ReadAsync(cancellationToken))
        {
            columns.Add(new Column(reader.GetString(0), reader.GetFieldValue<uint>(1)));
        }

        return columns;
    }

    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}

/// <summary>
/// Records in Kafka that it has received a snapshot of the auctions: a committed offset of a consumer group that nobody
/// uses. When Kafka loses its data, it loses the marker too. A session that has not noticed the loss yet cannot write
/// the marker again, although its messages may already reach the new topics.
/// </summary>
internal sealed class SnapshotMarker : IDisposable
{
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(5);
    private static readonly TopicPartition Partition = new(KafkaTopics.Heartbeat, 0);

    private readonly IConsumer<Ignore, Ignore> _client;

    internal SnapshotMarker(RelayOptions options, ILogger logger) =>
        _client = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig
        {
            BootstrapServers = options.Kafka,
            GroupId = $"relay-{options.Slot}",
            EnableAutoCommit = false,
            LogConnectionClose = false,
        })
        .SetLogHandler((_, line) => logger.KafkaClientMessage(line.Facility, line.Message))
        .SetErrorHandler((_, error) => logger.KafkaClientError(error.Code, error.Reason))
        .Build();

    internal bool Exists() => _client.Committed([Partition], ReadTimeout).Single().Offset != Offset.Unset;

    /// <summary>Call it only after Kafka has acknowledged the whole snapshot.</summary>
    internal void Write() => _client.Commit([new TopicPartitionOffset(Partition, 0)]);

    public void Dispose() => _client.Dispose();
}

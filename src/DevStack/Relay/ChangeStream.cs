using Auctions.Events;
using Microsoft.Extensions.Logging;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;
using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>
/// Sends the messages of the log to Kafka, one after another. Postgres streams whole transactions in commit order.
/// </summary>
internal sealed class ChangeStream(
    RelayOptions options,
    EventProducer producer,
    ReplicationProgress progress,
    ChangeEncoder encoder,
    ILogger logger)
{
    /// <summary>The prefix of the relay's own messages in the log.</summary>
    internal const string HeartbeatPrefix = "auctions-heartbeat";

    // By relation id. Postgres sends a relation message before the first row of a table and after every change of its
    // columns. Null for a table that is not relayed.
    private readonly Dictionary<uint, RelayedTable?> _tables = [];
    private ReplicationProgress.Transaction? _transaction;
    private ChangeSource _source;

    internal async ValueTask RelayAsync(PgOutputReplicationMessage message, CancellationToken cancellationToken)
    {
        switch (message)
        {
            case BeginMessage begin:
                Begin(begin);
                break;
            case RelationMessage relation:
                AddTable(relation);
                break;
            case InsertMessage insert:
                await SendRowAsync(
                    ChangeOperation.Create, insert.Relation, insert.NewRow, insert.WalStart, cancellationToken);
                break;
            // A change of the key is a delete and a create, as in Debezium. The old row comes first on the wire.
            case IndexUpdateMessage update:
                await SendDeleteAsync(update.Relation, update.Key, update.WalStart, cancellationToken);
                await SendRowAsync(
                    ChangeOperation.Create, update.Relation, update.NewRow, update.WalStart, cancellationToken);
                break;
            case UpdateMessage update:
                await SendRowAsync(
                    ChangeOperation.Update, update.Relation, update.NewRow, update.WalStart, cancellationToken);
                break;
            case KeyDeleteMessage delete:
                await SendDeleteAsync(delete.Relation, delete.Key, delete.WalStart, cancellationToken);
                break;
            case FullDeleteMessage delete:
                await SendDeleteAsync(delete.Relation, delete.OldRow, delete.WalStart, cancellationToken);
                break;
            case CommitMessage commit:
                _transaction!.Commit(commit.TransactionEndLsn);
                _source = _source with { LastCommitLsn = (long)(ulong)commit.CommitLsn };
                break;
            case LogicalDecodingMessage { Prefix: HeartbeatPrefix } heartbeat:
                await SendHeartbeatAsync(heartbeat.MessageLsn, cancellationToken);
                break;
        }
    }

    private void Begin(BeginMessage begin)
    {
        _transaction = progress.Open();
        _source = _source with
        {
            Database = options.Database,
            TransactionId = begin.TransactionXid,
            TimestampMs = new DateTimeOffset(begin.TransactionCommitTimestamp, TimeSpan.Zero).ToUnixTimeMilliseconds(),
        };
    }

    private void AddTable(RelationMessage relation)
    {
        var columns = relation.Columns.Select(c => new Column(c.ColumnName, c.DataTypeId));
        var table = RelayedTable.Create(relation.Namespace, relation.RelationName, columns);
        if (table is null) logger.TableNotRelayed($"{relation.Namespace}.{relation.RelationName}");
        _tables[relation.RelationId] = table;
    }

    private async ValueTask SendRowAsync(
        ChangeOperation operation,
        RelationMessage relation,
        ReplicationTuple row,
        NpgsqlLogSequenceNumber lsn,
        CancellationToken cancellationToken)
    {
        if (_tables[relation.RelationId] is not { } table) return;
        var source = SourceOf(table, lsn);
        var (key, value) = await encoder.EncodeRowAsync(operation, table, row, source, cancellationToken);
        await producer.SendAsync(table.Topic, key, value, _transaction!, cancellationToken);
    }

    private async ValueTask SendDeleteAsync(
        RelationMessage relation,
        ReplicationTuple row,
        NpgsqlLogSequenceNumber lsn,
        CancellationToken cancellationToken)
    {
        if (_tables[relation.RelationId] is not { } table) return;
        var (key, value) = await encoder.EncodeDeleteAsync(table, row, SourceOf(table, lsn), cancellationToken);
        await producer.SendAsync(table.Topic, key, value, _transaction!, cancellationToken);
        await producer.SendAsync(table.Topic, key, value: null, _transaction!, cancellationToken);
    }

    // A heartbeat is a transaction of its own, so that it advances the confirmed position.
    private async ValueTask SendHeartbeatAsync(NpgsqlLogSequenceNumber end, CancellationToken cancellationToken)
    {
        var transaction = progress.Open();
        var (key, value) = encoder.EncodeHeartbeat();
        await producer.SendAsync(KafkaTopics.Heartbeat, key, value, transaction, cancellationToken);
        transaction.Commit(end);
    }

    private ChangeSource SourceOf(RelayedTable table, NpgsqlLogSequenceNumber lsn) =>
        _source with { Schema = table.Schema, Table = table.Name, Lsn = (long)(ulong)lsn };
}

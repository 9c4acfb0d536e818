using Auctions.Events;
using Microsoft.Extensions.Logging;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;
using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>Takes the messages of the log one after another and sends what they say. Transactions come whole, in commit order.</summary>
internal sealed class ChangeStream(
    RelayOptions options,
    EventProducer producer,
    ReplicationProgress deliveries,
    ChangeEncoder encoder,
    Func<ReplicationProgress.Transaction, NpgsqlLogSequenceNumber, CancellationToken, Task> heartbeat,
    ILogger logger)
{
    /// <summary>Marks the relay's own messages in the log.</summary>
    internal const string HeartbeatPrefix = "auctions-heartbeat";

    // By the relation's id; a relation's message comes before its first row and after every change of its columns.
    private readonly Dictionary<uint, RelayedTable?> _tables = [];
    private ReplicationProgress.Transaction? _transaction;
    private ChangeSource _source;

    internal async ValueTask TakeAsync(PgOutputReplicationMessage message, CancellationToken cancellationToken)
    {
        switch (message)
        {
            case BeginMessage begin:
                Begin(begin);
                break;
            case RelationMessage relation:
                Remember(relation);
                break;
            case InsertMessage insert:
                await AfterAsync(ChangeOperation.Create, insert.Relation, insert.NewRow, insert.WalStart, cancellationToken);
                break;
            case UpdateMessage update:
                await UpdateAsync(update, cancellationToken);
                break;
            case KeyDeleteMessage delete:
                await DeleteAsync(delete.Relation, delete.Key, delete.WalStart, cancellationToken);
                break;
            case FullDeleteMessage delete:
                await DeleteAsync(delete.Relation, delete.OldRow, delete.WalStart, cancellationToken);
                break;
            case CommitMessage commit:
                _transaction!.Commit(commit.TransactionEndLsn);
                _source = _source with { LastCommitLsn = (long)(ulong)commit.CommitLsn };
                break;
            case LogicalDecodingMessage { Prefix: HeartbeatPrefix } own:
                await heartbeat(deliveries.Open(), own.MessageLsn, cancellationToken);
                break;
        }
    }

    private void Begin(BeginMessage begin)
    {
        _transaction = deliveries.Open();
        _source = _source with
        {
            Database = options.Database,
            TransactionId = begin.TransactionXid,
            TimestampMs = new DateTimeOffset(begin.TransactionCommitTimestamp, TimeSpan.Zero).ToUnixTimeMilliseconds(),
        };
    }

    private void Remember(RelationMessage relation)
    {
        var table = RelayedTable.Create(
            relation.Namespace, relation.RelationName, relation.Columns.Select(c => new Column(c.ColumnName, c.DataTypeId)));
        if (table is null) RelayLog.NotRelayed(logger, $"{relation.Namespace}.{relation.RelationName}");
        _tables[relation.RelationId] = table;
    }

    private async ValueTask UpdateAsync(UpdateMessage update, CancellationToken cancellationToken)
    {
        // The old row comes first on the wire. A change of the key itself is a delete and a create, as Debezium has it.
        if (update is IndexUpdateMessage moved)
        {
            await DeleteAsync(moved.Relation, moved.Key, moved.WalStart, cancellationToken);
            await AfterAsync(ChangeOperation.Create, moved.Relation, moved.NewRow, moved.WalStart, cancellationToken);
            return;
        }

        await AfterAsync(ChangeOperation.Update, update.Relation, update.NewRow, update.WalStart, cancellationToken);
    }

    private async ValueTask AfterAsync(
        ChangeOperation operation, RelationMessage relation, ReplicationTuple row, NpgsqlLogSequenceNumber lsn, CancellationToken cancellationToken)
    {
        if (_tables[relation.RelationId] is not { } table) return;
        var (key, value) = await encoder.AfterAsync(operation, table, row, At(table, lsn), cancellationToken);
        await producer.SendAsync(table.Topic, key, value, _transaction!, cancellationToken);
    }

    private async ValueTask DeleteAsync(
        RelationMessage relation, ReplicationTuple row, NpgsqlLogSequenceNumber lsn, CancellationToken cancellationToken)
    {
        if (_tables[relation.RelationId] is not { } table) return;
        var (key, value) = await encoder.BeforeAsync(table, row, At(table, lsn), cancellationToken);
        await producer.SendAsync(table.Topic, key, value, _transaction!, cancellationToken);
        await producer.SendAsync(table.Topic, key, null, _transaction!, cancellationToken);
    }

    private ChangeSource At(RelayedTable table, NpgsqlLogSequenceNumber lsn) =>
        _source with { Schema = table.Schema, Table = table.Name, Lsn = (long)(ulong)lsn };
}

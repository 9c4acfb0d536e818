using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;

namespace DevStack.Relay;

/// <summary>
/// The relay from connecting to the first failure.
/// <para>Concurrency: one task streams changes; beside it run one that confirms positions to Postgres, one that emits
/// heartbeats, and one that watches the producer.</para>
/// <para>Lifecycle: used once. It makes sure that the slot exists, takes a snapshot if needed, and streams until one of
/// its tasks fails or it is cancelled; then all of them end.</para>
/// <para>Invariants: a position is confirmed to Postgres only after Kafka has acknowledged every message of every
/// transaction up to it. So the next session reads again everything that is not in Kafka, and some changes
/// twice.</para>
/// <para>Bounds: the producer's queue. While it is full, the session reads nothing further from Postgres, and the slot
/// keeps what follows.</para>
/// </summary>
internal sealed class RelaySession(RelayOptions options, TimeProvider timeProvider, ILogger logger) : IAsyncDisposable
{
    // A confirmation only limits what the next session reads again, so there is no need for more of them.
    private static readonly TimeSpan ConfirmPause = TimeSpan.FromMilliseconds(20);

    private readonly NpgsqlDataSource _dataSource = NpgsqlDataSource.Create(options.PostgresForReplication);
    private readonly LogicalReplicationConnection _replication = new(options.PostgresForReplication);
    private readonly EventProducer _producer = new(options.Kafka, timeProvider, logger);
    private readonly ChangeEncoder _encoder = new(timeProvider);
    private readonly ReplicationProgress _progress = new();

    /// <summary>Whether a message of the log has arrived: the next session need not wait long.</summary>
    internal bool HasStreamed { get; private set; }

    /// <summary>Relays until cancelled or until something fails.</summary>
    internal Task RunAsync(CancellationToken cancellationToken) =>
        TaskGroup.RunAsync(PrepareAndStreamAsync, [_producer.Failed.WaitAsync], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _producer.Dispose();
        _encoder.Dispose();
        await _replication.DisposeAsync();
        await _dataSource.DisposeAsync();
    }

    private async Task PrepareAndStreamAsync(CancellationToken cancellationToken)
    {
        await _replication.Open(cancellationToken);
        var slot = new ReplicationSlot(options, _dataSource, timeProvider, logger);
        var isNewSlot = await slot.EnsureExistsAsync(_replication, cancellationToken);
        await SnapshotIfNeededAsync(isNewSlot, cancellationToken);

        logger.RelaySessionStarted(options.Slot, options.Kafka);
        await TaskGroup.RunAsync(StreamAsync, [ConfirmAsync, EmitHeartbeatsAsync], cancellationToken);
    }

    private async Task SnapshotIfNeededAsync(bool isNewSlot, CancellationToken cancellationToken)
    {
        if (options.Snapshot == SnapshotMode.Never) return;
        using var marker = new SnapshotMarker(options, logger);

        // Read in every case: the read has a timeout and finds the group's coordinator. Without it, the write below
        // could wait for the coordinator without a limit.
        var exists = marker.Exists();
        if (!isNewSlot && (exists || options.Snapshot == SnapshotMode.Initial)) return;
        var snapshot = new Snapshot(options, _dataSource, _producer, _progress, _encoder, timeProvider, logger);
        await snapshot.TakeAsync(cancellationToken);
        marker.Write();
    }

    private async Task StreamAsync(CancellationToken cancellationToken)
    {
        var changes = new ChangeStream(options, _producer, _progress, _encoder, logger);
        var messages = _replication.StartReplication(
            new PgOutputReplicationSlot(options.Slot),
            new PgOutputReplicationOptions(options.Publication, PgOutputProtocolVersion.V1, messages: true),
            cancellationToken);
        await foreach (var message in messages)
        {
            HasStreamed = true;
            await changes.RelayAsync(message, cancellationToken);
        }
    }

    private async Task ConfirmAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var nextAdvance = _progress.NextAdvance();
            _replication.SetReplicationStatus(_progress.Confirmed);
            // The line above only notes the position; this sends it.
            if (HasStreamed) await _replication.SendStatusUpdate(cancellationToken);
            await nextAdvance.WaitAsync(cancellationToken);
            await Task.Delay(ConfirmPause, timeProvider, cancellationToken);
        }
    }

    // Writes a message into the log. It comes back in the stream, in order with all changes: it advances the slot and
    // becomes Kafka's heartbeat.
    private async Task EmitHeartbeatsAsync(CancellationToken cancellationToken)
    {
        const string sql = $"select pg_logical_emit_message(false, '{ChangeStream.HeartbeatPrefix}', '')";
        while (true)
        {
            await using (var command = _dataSource.CreateCommand(sql))
            {
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            await Task.Delay(options.HeartbeatInterval, timeProvider, cancellationToken);
        }
    }
}

/// <summary>The slot with which Postgres keeps its log until the relay has confirmed it.</summary>
internal sealed class ReplicationSlot(
    RelayOptions options, NpgsqlDataSource dataSource, TimeProvider timeProvider, ILogger logger)
{
    private static readonly TimeSpan PublicationPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Creates the slot if it is missing or lost.</summary>
    /// <returns>Whether it was created now, and so does not keep earlier changes.</returns>
    internal async Task<bool> EnsureExistsAsync(
        LogicalReplicationConnection connection, CancellationToken cancellationToken)
    {
        // Postgres could never decode the changes of a slot that is older than the publication.
        await WaitForPublicationAsync(cancellationToken);
        const string query = "select wal_status from pg_replication_slots where slot_name = $1";
        var status = await ScalarAsync(query, options.Slot, cancellationToken);
        if (status is "lost")
        {
            logger.ReplicationSlotLost(options.Slot);
            await connection.DropReplicationSlot(options.Slot, cancellationToken: cancellationToken);
        }
        else if (status is not null)
        {
            return false;
        }

        await connection.CreatePgOutputReplicationSlot(
            options.Slot,
            slotSnapshotInitMode: LogicalSlotSnapshotInitMode.NoExport,
            cancellationToken: cancellationToken);
        logger.ReplicationSlotCreated(options.Slot);
        return true;
    }

    private async Task WaitForPublicationAsync(CancellationToken cancellationToken)
    {
        const string query = "select pubname::text from pg_publication where pubname = $1";
        var isLogged = false;
        while (await ScalarAsync(query, options.Publication, cancellationToken) is null)
        {
            if (!isLogged) logger.PublicationMissing(options.Publication);
            isLogged = true;
            await Task.Delay(PublicationPause, timeProvider, cancellationToken);
        }
    }

    private async Task<string?> ScalarAsync(string query, string name, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(query);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }
}

/// <summary>Tasks that only run together: when one ends, all end.</summary>
public static class TaskGroup
{
    /// <summary>
    /// Runs the tasks until one ends or all are cancelled, cancels the others, and ends like the first. If the main
    /// task also ended for a reason of its own, that reason is the cause, even if another task failed first because of
    /// it.
    /// </summary>
    public static async Task RunAsync(
        Func<CancellationToken, Task> main, Func<CancellationToken, Task>[] others, CancellationToken cancellationToken)
    {
        using var group = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var mainTask = main(group.Token);
        Task[] all = [mainTask, .. others.Select(other => other(group.Token))];
        var first = await Task.WhenAny(all);
        await group.CancelAsync();
        await Task.WhenAll(all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await (mainTask.IsCanceled ? first : mainTask);
    }
}

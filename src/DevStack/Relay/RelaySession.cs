using Auctions.Events;
using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;

namespace DevStack.Relay;

/// <summary>
/// One life of the relay, from connecting until something breaks. The order of things is the promise: a position is confirmed to
/// Postgres only after Kafka has acknowledged every message of every transaction up to it, so whatever breaks, the next
/// session reads again all that is not in Kafka. Some of it twice: delivery is at least once.
/// </summary>
internal sealed class RelaySession : IAsyncDisposable
{
    // More often gains nothing: a confirmation saves re-reading, no more.
    private static readonly TimeSpan ConfirmPause = TimeSpan.FromMilliseconds(20);

    private readonly RelayOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly NpgsqlDataSource _source;
    private readonly LogicalReplicationConnection _replication;
    private readonly EventProducer _producer;
    private readonly ChangeEncoder _encoder;
    private readonly ReplicationProgress _deliveries = new();

    internal RelaySession(RelayOptions options, TimeProvider clock, ILogger logger)
    {
        _options = options;
        _clock = clock;
        _logger = logger;
        _source = NpgsqlDataSource.Create(options.PostgresForReplication);
        _replication = new LogicalReplicationConnection(options.PostgresForReplication);
        _producer = new EventProducer(options.Kafka, clock, logger);
        _encoder = new ChangeEncoder(clock);
    }

    /// <summary>Whether changes have flowed: the next session need not wait long.</summary>
    internal bool HasStreamed { get; private set; }

    /// <summary>Relays until cancelled or broken.</summary>
    internal Task RunAsync(CancellationToken cancellationToken) =>
        TaskGroup.RunAsync(PrepareThenStreamAsync, [_producer.Failed.WaitAsync], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _producer.Dispose();
        _encoder.Dispose();
        await _replication.DisposeAsync();
        await _source.DisposeAsync();
    }

    private async Task PrepareThenStreamAsync(CancellationToken cancellationToken)
    {
        await _replication.Open(cancellationToken);
        var isNew = await new ReplicationSlot(_options, _source, _clock, _logger).EnsureAsync(_replication, cancellationToken);
        await SnapshotIfNeededAsync(isNew, cancellationToken);

        RelayLog.Relaying(_logger, _options.Slot, _options.Kafka);
        await TaskGroup.RunAsync(StreamAsync, [ConfirmAsync, HeartbeatToPostgresAsync], cancellationToken);
    }

    private async Task SnapshotIfNeededAsync(bool slotIsNew, CancellationToken cancellationToken)
    {
        if (_options.Snapshot == SnapshotMode.Never) return;
        using var mark = new KafkaMark(_options, _logger);

        // Asked in any case: the question has a time limit, and finds the coordinator for which setting it would wait without one.
        var isSet = mark.IsSet();
        if (!slotIsNew && (_options.Snapshot == SnapshotMode.Initial || isSet)) return;
        await new Snapshot(_options, _source, _producer, _deliveries, _encoder, _clock, _logger).TakeAsync(cancellationToken);
        mark.Set();
    }

    private async Task StreamAsync(CancellationToken cancellationToken)
    {
        var stream = new ChangeStream(_options, _producer, _deliveries, _encoder, HeartbeatToKafkaAsync, _logger);
        var messages = _replication.StartReplication(
            new PgOutputReplicationSlot(_options.Slot),
            new PgOutputReplicationOptions(_options.Publication, PgOutputProtocolVersion.V1, messages: true),
            cancellationToken);
        await foreach (var message in messages)
        {
            HasStreamed = true;
            await stream.TakeAsync(message, cancellationToken);
        }
    }

    private async Task ConfirmAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var progress = _deliveries.NextProgress();
            _replication.SetReplicationStatus(_deliveries.Confirmed);
            // The status alone is only noted; this sends it.
            if (HasStreamed) await _replication.SendStatusUpdate(cancellationToken);
            await progress.WaitAsync(cancellationToken);
            await Task.Delay(ConfirmPause, _clock, cancellationToken);
        }
    }

    // A message in the log, by way of which the slot moves on and Kafka gets its heartbeat, in order with everything else.
    private async Task HeartbeatToPostgresAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await using (var command = _source.CreateCommand($"select pg_logical_emit_message(false, '{ChangeStream.HeartbeatPrefix}', '')"))
            {
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            await Task.Delay(_options.HeartbeatInterval, _clock, cancellationToken);
        }
    }

    private async Task HeartbeatToKafkaAsync(
        ReplicationProgress.Transaction transaction, NpgsqlTypes.NpgsqlLogSequenceNumber end, CancellationToken cancellationToken)
    {
        var value = EnvelopeWriter.Heartbeat(_clock.GetUtcNow().ToUnixTimeMilliseconds());
        await _producer.SendAsync(KafkaTopics.Heartbeat, EnvelopeWriter.HeartbeatKey(), value, transaction, cancellationToken);
        transaction.Commit(end);
    }
}

using Auctions.Events;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace DevStack.Relay;

/// <summary>
/// Replaces Debezium on one machine: reads the committed changes of Postgres by logical replication and writes them to
/// Kafka.
/// <para>Concurrency: one session at a time. Postgres refuses a second relay on the same replication slot.</para>
/// <para>Lifecycle: runs until cancelled. A session ends at the first failure of Postgres or Kafka, and the next one
/// starts after a pause, from the position that the slot has confirmed. Any other exception is a defect; it is logged
/// as an error, and the next session starts all the same.</para>
/// <para>Invariants: every change reaches Kafka at least once, and the changes of an auction in commit order.</para>
/// <para>Bounds: the pause doubles from 100 ms up to 5 s; after a session that has streamed it starts at 100 ms
/// again.</para>
/// </summary>
public sealed class PostgresRelay(RelayOptions options, TimeProvider timeProvider, ILogger logger)
{
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    /// <summary>Relays until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var backoff = BackoffMin;
        while (!cancellationToken.IsCancellationRequested)
        {
            await using var session = new RelaySession(options, timeProvider, logger);
            try
            {
                await session.RunAsync(cancellationToken);
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (session.HasStreamed) backoff = BackoffMin;
                if (IsTransient(e)) logger.RelaySessionEnded(backoff.TotalMilliseconds, e.Message);
                else logger.RelaySessionFailed(backoff.TotalMilliseconds, e);
            }

            await Task.Delay(backoff, timeProvider, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
        }
    }

    // A failure of Postgres, of Kafka or of a connection, not of this program.
    private static bool IsTransient(Exception e) => e is NpgsqlException or KafkaException or IOException
        or TimeoutException or OperationCanceledException or ObjectDisposedException;
}

/// <summary>What the relay connects, and how.</summary>
public sealed record RelayOptions
{
    /// <summary>
    /// The connection string of the database. The role needs REPLICATION, and SELECT on the published tables.
    /// </summary>
    public required string Postgres { get; init; }

    /// <summary>Kafka's brokers, <c>host:port</c>, separated by commas.</summary>
    public required string Kafka { get; init; }

    /// <summary>The replication slot. The relay creates it if it is missing.</summary>
    public string Slot { get; init; } = KafkaTopics.Prefix;

    /// <summary>
    /// The publication. The relay waits for it if it is missing: only the schema knows which columns may be shared.
    /// </summary>
    public string Publication { get; init; } = KafkaTopics.Prefix;

    /// <summary>When to read the whole table of auctions.</summary>
    public SnapshotMode Snapshot { get; init; } = SnapshotMode.WhenNeeded;

    /// <summary>The pause between heartbeats. They also advance the slot when there is no traffic.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The name of the database, for the envelopes.</summary>
    public string Database => new NpgsqlConnectionStringBuilder(Postgres).Database ?? "";

    /// <summary>The connection string for replication: without a pool, and with times in UTC.</summary>
    public string PostgresForReplication => new NpgsqlConnectionStringBuilder(Postgres)
    {
        Pooling = false,
        Timezone = "UTC",
        ApplicationName = "relay",
    }.ConnectionString;
}

/// <summary>When the relay reads the whole table of auctions and writes every row with <c>op: r</c>.</summary>
public enum SnapshotMode
{
    /// <summary>When it creates the replication slot; from then on the slot keeps every change.</summary>
    Initial,

    /// <summary>Never.</summary>
    Never,

    /// <summary>
    /// Like <see cref="Initial"/>, and when Kafka has no snapshot: it is new, or it has lost its data. See
    /// <see cref="SnapshotMarker"/>.
    /// </summary>
    WhenNeeded,
}

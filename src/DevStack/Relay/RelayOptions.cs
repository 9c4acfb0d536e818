using Auctions.Events;
using Npgsql;

namespace DevStack.Relay;

/// <summary>What the relay connects, and how.</summary>
public sealed record RelayOptions
{
    /// <summary>The database; the role needs REPLICATION and SELECT on the published tables.</summary>
    public required string Postgres { get; init; }

    /// <summary>Kafka's brokers, <c>host:port</c>, separated by commas.</summary>
    public required string Kafka { get; init; }

    /// <summary>The replication slot; made if missing.</summary>
    public string Slot { get; init; } = KafkaTopics.Prefix;

    /// <summary>The publication; waited for if missing, since only the schema knows which columns may be shared.</summary>
    public string Publication { get; init; } = KafkaTopics.Prefix;

    /// <summary>When to read the table of auctions as a whole.</summary>
    public SnapshotMode Snapshot { get; init; } = SnapshotMode.WhenNeeded;

    /// <summary>How often there is a heartbeat, and the slot moves on without traffic.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The name of the database, for the envelopes.</summary>
    public string Database => new NpgsqlConnectionStringBuilder(Postgres).Database ?? "";

    /// <summary>The connection string for replication: no pool, and times as UTC.</summary>
    public string PostgresForReplication => new NpgsqlConnectionStringBuilder(Postgres)
    {
        Pooling = false,
        Timezone = "UTC",
        ApplicationName = "relay",
    }.ConnectionString;
}

using Confluent.Kafka;

namespace Auctions.Events;

/// <summary>Where a consumer starts in a partition that it has no position in.</summary>
public enum EventStart
{
    /// <summary>With what is written from now on.</summary>
    End,

    /// <summary>With the oldest message that the broker has.</summary>
    Beginning,
}

/// <summary>What a <see cref="EventConsumer"/> reads, and how.</summary>
public sealed record EventConsumerOptions
{
    /// <summary>Brokers, <c>host:port</c>, separated by commas.</summary>
    public required string BootstrapServers { get; init; }

    /// <summary>The topics; all of their partitions are read.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>
    /// The consumer group, whose members share the partitions and whose offsets are kept by the broker; null to read every
    /// partition alone and to keep no offsets.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>Where to start without a position.</summary>
    public EventStart Start { get; init; } = EventStart.End;

    /// <summary>Most records in a batch, at least 1.</summary>
    public int BatchMax { get; init; } = 1000;

    /// <summary>
    /// How long the broker may hold a request that finds nothing. Kafka answers at once when something comes; librdkafka's mock
    /// cluster waits it out, so it bounds the latency there.
    /// </summary>
    public TimeSpan FetchWaitMax { get; init; } = TimeSpan.FromMilliseconds(20);

    internal ConsumerConfig ToClientConfig() => new()
    {
        BootstrapServers = BootstrapServers,
        // librdkafka wants a group even of who never joins one.
        GroupId = Group ?? $"alone-{Guid.NewGuid():N}",
        // Offsets are those that the caller has stored: see EventConsumer.Done.
        EnableAutoCommit = Group is not null,
        EnableAutoOffsetStore = false,
        AutoCommitIntervalMs = 1000,
        // Gaps are reported, not skipped.
        AutoOffsetReset = AutoOffsetReset.Error,
        // Eager, the client's default: 1.9.3 takes the process down when a handler returns positions under the cooperative protocol.
        PartitionAssignmentStrategy = PartitionAssignmentStrategy.Range,
        // How long a dead member keeps its partitions; the least that brokers allow. The mock cluster has a restarted
        // member wait this long too.
        SessionTimeoutMs = 6_000,
        HeartbeatIntervalMs = 1_500,
        FetchWaitMaxMs = (int)FetchWaitMax.TotalMilliseconds,
        FetchErrorBackoffMs = 50,
        ReconnectBackoffMs = 50,
        ReconnectBackoffMaxMs = 1000,
        QueuedMaxMessagesKbytes = 16 * 1024,
        LogConnectionClose = false,
    };
}

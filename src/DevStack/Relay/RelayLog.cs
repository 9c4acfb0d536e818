using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using NpgsqlTypes;

namespace DevStack.Relay;

/// <summary>The log messages of the relay.</summary>
internal static partial class RelayLog
{
    [LoggerMessage(5001, LogLevel.Information, "The relay streams from the slot {Slot} to Kafka at {Kafka}.")]
    internal static partial void RelaySessionStarted(this ILogger logger, string slot, string kafka);

    [LoggerMessage(5002, LogLevel.Warning, "The session has ended. The next one starts in {BackoffMs} ms: {Reason}")]
    internal static partial void RelaySessionEnded(this ILogger logger, double backoffMs, string reason);

    [LoggerMessage(5003, LogLevel.Warning,
        "The publication {Publication} does not exist. The relay waits until a migration of the schema creates it.")]
    internal static partial void PublicationMissing(this ILogger logger, string publication);

    [LoggerMessage(5004, LogLevel.Information, "The replication slot {Slot} was created.")]
    internal static partial void ReplicationSlotCreated(this ILogger logger, string slot);

    [LoggerMessage(5005, LogLevel.Error,
        "Postgres has dropped log that the slot {Slot} needs. The relay recreates the slot and reads all auctions.")]
    internal static partial void ReplicationSlotLost(this ILogger logger, string slot);

    [LoggerMessage(5006, LogLevel.Information, "Kafka has a snapshot of {Rows} auctions at {Lsn}.")]
    internal static partial void SnapshotTaken(this ILogger logger, int rows, NpgsqlLogSequenceNumber lsn);

    [LoggerMessage(5007, LogLevel.Warning, "The Kafka client reports {Code}: {Reason}")]
    internal static partial void KafkaClientError(this ILogger logger, ErrorCode code, string reason);

    [LoggerMessage(5008, LogLevel.Debug, "librdkafka, {Facility}: {Message}")]
    internal static partial void KafkaClientMessage(this ILogger logger, string facility, string message);

    [LoggerMessage(5009, LogLevel.Warning,
        "The table {Table} is in the publication but is not relayed: the relay knows no key column for it.")]
    internal static partial void TableNotRelayed(this ILogger logger, string table);

    [LoggerMessage(5010, LogLevel.Error, "The session failed. The next one starts in {BackoffMs} ms.")]
    internal static partial void RelaySessionFailed(this ILogger logger, double backoffMs, Exception exception);
}

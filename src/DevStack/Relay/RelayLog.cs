using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using NpgsqlTypes;

namespace DevStack.Relay;

internal static partial class RelayLog
{
    [LoggerMessage(5001, LogLevel.Information, "Relaying from {Slot} to {Kafka}")]
    internal static partial void Relaying(ILogger logger, string slot, string kafka);

    [LoggerMessage(5002, LogLevel.Warning, "Starting again in {BackoffMs} ms: {Reason}")]
    internal static partial void StartingAgain(ILogger logger, double backoffMs, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "Waiting for the publication {Publication}: the schema makes it")]
    internal static partial void WaitingForPublication(ILogger logger, string publication);

    [LoggerMessage(5004, LogLevel.Information, "Made the replication slot {Slot}")]
    internal static partial void SlotMade(ILogger logger, string slot);

    [LoggerMessage(5005, LogLevel.Error, "Postgres has dropped what the slot {Slot} was to keep; it is made anew, and the auctions are read as a whole")]
    internal static partial void SlotLost(ILogger logger, string slot);

    [LoggerMessage(5006, LogLevel.Information, "Snapshot of {Rows} auctions at {Lsn}")]
    internal static partial void Snapshot(ILogger logger, int rows, NpgsqlLogSequenceNumber lsn);

    [LoggerMessage(5007, LogLevel.Warning, "Kafka client: {Code}: {Reason}")]
    internal static partial void KafkaError(ILogger logger, ErrorCode code, string reason);

    [LoggerMessage(5008, LogLevel.Debug, "librdkafka: {Facility}: {Message}")]
    internal static partial void Client(ILogger logger, string facility, string message);

    [LoggerMessage(5009, LogLevel.Warning, "The table {Table} is published and not relayed: it has no key column here")]
    internal static partial void NotRelayed(ILogger logger, string table);
}

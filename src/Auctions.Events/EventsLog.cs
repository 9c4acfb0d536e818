using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Auctions.Events;

/// <summary>Everything that the consumer of change events logs: 400 to 499.</summary>
internal static partial class EventsLog
{
    [LoggerMessage(400, LogLevel.Warning, "The broker is away; the consumer waits for it: {Reason}")]
    internal static partial void BrokerLost(this ILogger logger, string reason);

    [LoggerMessage(401, LogLevel.Information, "The broker is back.")]
    internal static partial void BrokerBack(this ILogger logger);

    [LoggerMessage(402, LogLevel.Warning,
        "Messages may be missing in {Topic}[{Partition}] ({Reason}): offset {Expected} was next, and {Next} comes.")]
    internal static partial void GapFound(
        this ILogger logger, EventGapReason reason, string topic, int partition, long expected, long next);

    [LoggerMessage(403, LogLevel.Error, "A malformed message is skipped: {Topic}[{Partition}], offset {Offset}.")]
    internal static partial void MessageSkipped(
        this ILogger logger, string topic, int partition, long offset, Exception exception);

    [LoggerMessage(404, LogLevel.Warning, "The Kafka client reported {Code}: {Reason}")]
    internal static partial void ClientError(this ILogger logger, ErrorCode code, string reason);

    [LoggerMessage(405, LogLevel.Debug, "librdkafka: {Facility}: {Message}")]
    internal static partial void ClientLogLine(this ILogger logger, string facility, string message);

    [LoggerMessage(406, LogLevel.Warning, "The consumer waits for the topics {Topics}: {Reason}")]
    internal static partial void WaitingForTopics(this ILogger logger, string topics, string reason);
}

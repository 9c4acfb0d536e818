using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Auctions.Events;

internal static partial class EventLog
{
    [LoggerMessage(4001, LogLevel.Warning, "The broker is away, and is waited for: {Reason}")]
    internal static partial void BrokerLost(ILogger logger, string reason);

    [LoggerMessage(4002, LogLevel.Information, "The broker is back")]
    internal static partial void BrokerBack(ILogger logger);

    [LoggerMessage(4003, LogLevel.Warning, "Messages may be missing in {Topic}[{Partition}]: {Expected} was to come next, and {Next} comes ({Reason})")]
    internal static partial void Gap(ILogger logger, string topic, int partition, long expected, long next, EventGapReason reason);

    [LoggerMessage(4004, LogLevel.Error, "A message is skipped: {Topic}[{Partition}] at {Offset}")]
    internal static partial void Malformed(ILogger logger, Exception e, string topic, int partition, long offset);

    [LoggerMessage(4005, LogLevel.Warning, "Kafka client: {Code}: {Reason}")]
    internal static partial void ClientError(ILogger logger, ErrorCode code, string reason);

    [LoggerMessage(4006, LogLevel.Debug, "librdkafka: {Facility}: {Message}")]
    internal static partial void Client(ILogger logger, string facility, string message);

    [LoggerMessage(4007, LogLevel.Warning, "Waiting for the topics {Topics}: {Reason}")]
    internal static partial void WaitingForTopics(ILogger logger, string topics, string reason);
}

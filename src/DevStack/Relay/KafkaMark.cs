using Auctions.Events;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace DevStack.Relay;

/// <summary>
/// A mark in Kafka that it has had a snapshot of the auctions: a committed offset of a group that nobody reads with. It goes when
/// Kafka loses its data, and a session that has not noticed the loss yet cannot set it, while its messages may well be
/// in the new topics already.
/// </summary>
internal sealed class KafkaMark : IDisposable
{
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(5);
    private static readonly TopicPartition Place = new(KafkaTopics.Heartbeat, 0);

    private readonly IConsumer<Ignore, Ignore> _client;

    internal KafkaMark(RelayOptions options, ILogger logger) =>
        _client = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig
        {
            BootstrapServers = options.Kafka,
            GroupId = $"relay-{options.Slot}",
            EnableAutoCommit = false,
            LogConnectionClose = false,
        })
        .SetLogHandler((_, line) => RelayLog.Client(logger, line.Facility, line.Message))
        .SetErrorHandler((_, error) => RelayLog.KafkaError(logger, error.Code, error.Reason))
        .Build();

    /// <summary>Whether it is there.</summary>
    internal bool IsSet() => _client.Committed([Place], AnswerMax).Single().Offset != Offset.Unset;

    /// <summary>Sets it. Only when Kafka has all that it stands for.</summary>
    internal void Set() => _client.Commit([new TopicPartitionOffset(Place, 0)]);

    public void Dispose() => _client.Dispose();
}

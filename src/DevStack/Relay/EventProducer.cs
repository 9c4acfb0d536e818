using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace DevStack.Relay;

/// <summary>
/// Writes messages to Kafka, with an idempotent producer that needs the acknowledgement of all replicas and retries
/// without a limit.
/// <para>Concurrency: <see cref="SendAsync"/> is called by one task at a time, because the order of the calls is the
/// order of the messages. Acknowledgements arrive on the Kafka client's own thread.</para>
/// <para>Lifecycle: connects at the first message and lives as long as its session. When it can no longer guarantee the
/// order, <see cref="Failed"/> ends, and a new session continues from the confirmed position.</para>
/// <para>Invariants: the messages of a key arrive once and in order; after a message that is lost, no later one is
/// acknowledged. In a partition the acknowledged offsets rise.</para>
/// <para>Bounds: 100,000 unacknowledged messages or 64 MB. When the queue is full, <see cref="SendAsync"/>
/// waits.</para>
/// </summary>
public sealed class EventProducer : IDisposable
{
    private static readonly TimeSpan FullQueuePause = TimeSpan.FromMilliseconds(10);

    private readonly IProducer<byte[], byte[]?> _client;
    private readonly TimeProvider _timeProvider;
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The last acknowledged offset of each partition. Only the client's own thread uses it.
    private readonly Dictionary<TopicPartition, long> _lastOffsets = [];

    /// <summary>Creates a producer, which does not connect before its first message.</summary>
    public EventProducer(string bootstrapServers, TimeProvider timeProvider, ILogger logger)
    {
        _timeProvider = timeProvider;
        _client = new ProducerBuilder<byte[], byte[]?>(Configuration(bootstrapServers))
            .SetErrorHandler((_, error) => OnError(error, logger))
            .SetLogHandler((_, line) => logger.KafkaClientMessage(line.Facility, line.Message))
            .Build();
    }

    /// <summary>Ends with an exception when messages can no longer be delivered in order.</summary>
    public Task Failed => _failed.Task;

    /// <summary>Gives a message to the client. Waits while its queue is full.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="key">Decides the partition.</param>
    /// <param name="value">Null for a tombstone.</param>
    /// <param name="transaction">Counts the message until it is acknowledged.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask SendAsync(
        string topic,
        byte[] key,
        byte[]? value,
        ReplicationProgress.Transaction transaction,
        CancellationToken cancellationToken)
    {
        var message = new Message<byte[], byte[]?> { Key = key, Value = value };
        transaction.Sent();
        while (true)
        {
            try
            {
                _client.Produce(topic, message, report => OnDelivered(report, transaction));
                return;
            }
            catch (ProduceException<byte[], byte[]?> e) when (e.Error.Code == ErrorCode.Local_QueueFull)
            {
                await Task.Delay(FullQueuePause, _timeProvider, cancellationToken);
            }
        }
    }

    /// <summary>Drops all unacknowledged messages.</summary>
    public void Dispose()
    {
        _client.Dispose();
        _failed.TrySetCanceled();
    }

    private static ProducerConfig Configuration(string bootstrapServers) => new()
    {
        BootstrapServers = bootstrapServers,
        Acks = Acks.All,
        EnableIdempotence = true,
        EnableGaplessGuarantee = true,
        // No limit: messages wait until Kafka takes them, and the replication slot keeps what follows.
        MessageTimeoutMs = 0,
        LingerMs = 5,
        // The hash of Debezium's Java client: after a change to Debezium, every auction stays in its partition.
        Partitioner = Partitioner.Murmur2Random,
        QueueBufferingMaxMessages = 100_000,
        QueueBufferingMaxKbytes = 64 * 1024,
        ReconnectBackoffMs = 50,
        ReconnectBackoffMaxMs = 1000,
        RetryBackoffMs = 50,
        DeliveryReportFields = "status",
        LogConnectionClose = false,
    };

    private void OnDelivered(DeliveryReport<byte[], byte[]?> report, ReplicationProgress.Transaction transaction)
    {
        if (report.Error.IsError)
        {
            _failed.TrySetException(new KafkaException(report.Error));
            return;
        }

        var last = _lastOffsets.GetValueOrDefault(report.TopicPartition, -1);
        if (report.Offset <= last)
        {
            // The broker has lost its data, and with it acknowledged messages. A new session finds it empty.
            var reason = $"{report.TopicPartition} went back from offset {last} to {report.Offset.Value}.";
            _failed.TrySetException(new KafkaException(new Error(ErrorCode.Local_Inconsistent, reason)));
            return;
        }

        _lastOffsets[report.TopicPartition] = report.Offset;
        transaction.Acknowledged();
    }

    private void OnError(Error error, ILogger logger)
    {
        if (error.IsFatal) _failed.TrySetException(new KafkaException(error));
        else logger.KafkaClientError(error.Code, error.Reason);
    }
}

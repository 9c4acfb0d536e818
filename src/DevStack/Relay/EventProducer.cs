using Auctions.Events;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace DevStack.Relay;

/// <summary>
/// Writes to Kafka so that what was sent for a key arrives once, in order, or else nothing after it does: idempotent, acknowledged by
/// all, retried without end, no gaps. What it cannot promise ends it: <see cref="Failed"/>, and the relay starts again from what was
/// confirmed.
/// </summary>
public sealed class EventProducer : IDisposable
{
    private static readonly TimeSpan FullQueuePause = TimeSpan.FromMilliseconds(10);

    private readonly IProducer<byte[], byte[]?> _client;
    private readonly TimeProvider _clock;
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The last offset by partition; only the client's own thread touches it.
    private readonly Dictionary<TopicPartition, long> _last = [];

    /// <summary>A producer that connects when it is first used.</summary>
    public EventProducer(string bootstrapServers, TimeProvider clock, ILogger logger)
    {
        _clock = clock;
        _client = new ProducerBuilder<byte[], byte[]?>(Configuration(bootstrapServers))
            .SetErrorHandler((_, error) => OnError(error, logger))
            .SetLogHandler((_, line) => RelayLog.Client(logger, line.Facility, line.Message))
            .Build();
    }

    /// <summary>Ends, with an exception, when messages can no longer be delivered in order.</summary>
    public Task Failed => _failed.Task;

    /// <summary>Hands a message to the client; waits while its queue is full.</summary>
    /// <param name="topic">Where to.</param>
    /// <param name="key">Decides the partition.</param>
    /// <param name="value">Null for a tombstone.</param>
    /// <param name="transaction">Is told of the acknowledgement.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask SendAsync(
        string topic, byte[] key, byte[]? value, ReplicationProgress.Transaction transaction, CancellationToken cancellationToken)
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
                await Task.Delay(FullQueuePause, _clock, cancellationToken);
            }
        }
    }

    /// <summary>Drops what is not acknowledged.</summary>
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
        // Without end: what cannot be delivered waits, and the replication slot keeps what follows.
        MessageTimeoutMs = 0,
        LingerMs = 5,
        // As Debezium, whose Java client hashes keys so: changing over keeps every auction in its partition.
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

        var last = _last.GetValueOrDefault(report.TopicPartition, -1);
        if (report.Offset <= last)
        {
            // A broker that lost its data. What it had acknowledged is gone; a new session finds it empty.
            _failed.TrySetException(new KafkaException(new Error(
                ErrorCode.Local_Inconsistent, $"{report.TopicPartition} went back from offset {last} to {report.Offset.Value}.")));
            return;
        }

        _last[report.TopicPartition] = report.Offset;
        transaction.Acknowledged();
    }

    private void OnError(Error error, ILogger logger)
    {
        if (error.IsFatal) _failed.TrySetException(new KafkaException(error));
        else RelayLog.KafkaError(logger, error.Code, error.Reason);
    }
}

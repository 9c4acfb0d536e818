using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Auctions.Events;

/// <summary>
/// Reads change events in batches: every partition alone, or as a member of a consumer group.
/// <para>Concurrency: one thread of its own polls the client; gaps are reported on that thread. One reader takes the
/// batches, and calls <see cref="StoreOffsets"/> meanwhile.</para>
/// <para>Lifecycle: <see cref="StartAsync"/> and <see cref="ReadAsync"/> once each, then <see cref="Dispose"/>. While
/// the broker is away or the topics do not exist, the consumer waits. Reading ends by cancellation, by a fatal error of
/// the client, or by an exception of the gap callback.</para>
/// <para>Invariants: the records of a partition keep their order. Delivery is at least once. A gap is reported before
/// any record that follows it. A malformed message is logged and skipped.</para>
/// <para>Bounds: the thread is one finished batch and one unfinished batch ahead of the reader, each of at most
/// <see cref="EventConsumerOptions.BatchMax"/> records. The client prefetches at most 16 MB.</para>
/// </summary>
public sealed class EventConsumer : IDisposable
{
    private static readonly TimeSpan PollTimeout = TimeSpan.FromMilliseconds(100);

    private readonly EventConsumerOptions _options;
    private readonly ILogger _logger;
    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly EventPositions _positions;
    private bool _isBrokerLost;
    private bool _isStarted;

    /// <summary>A consumer that has not started.</summary>
    /// <param name="options">What to read.</param>
    /// <param name="onGap">Called on the polling thread, before any record that follows the gap is read.</param>
    /// <param name="logger">Gets one message when the broker goes away, and one when it is back.</param>
    public EventConsumer(EventConsumerOptions options, Action<EventGap> onGap, ILogger<EventConsumer> logger)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchMax, 1);
        _options = options;
        _logger = logger;
        _client = new ConsumerBuilder<byte[]?, byte[]?>(options.ToClientConfig())
            .SetErrorHandler((_, error) => OnError(error))
            .SetLogHandler((_, line) => _logger.ClientLogLine(line.Facility, line.Message))
            .SetPartitionsAssignedHandler((_, partitions) => _positions!.OnAssigned(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => _positions!.OnRevoked(partitions))
            .Build();
        _positions = new EventPositions(_client, options, onGap, _logger);
    }

    /// <summary>
    /// Takes a position in every partition. Everything that is written after this has returned is read, so a caller
    /// that now reads state from Postgres misses nothing between that state and the events. (With a group, this holds
    /// from the moment when the group has assigned its partitions.)
    /// </summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_isStarted) throw new InvalidOperationException("The consumer was started before.");
        _isStarted = true;
        if (_options.Group is not null)
        {
            _client.Subscribe(_options.Topics);
            return;
        }

        await Task.Factory.StartNew(
            () => _client.Assign(_positions.WaitForStartOffsets(cancellationToken)),
            cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>The batches; none is empty. Only cancellation ends them.</summary>
    public async IAsyncEnumerable<IReadOnlyList<EventRecord>> ReadAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!_isStarted) throw new InvalidOperationException("Start the consumer first.");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var batches = Channel.CreateBounded<IReadOnlyList<EventRecord>>(1);
        var polling = Task.Factory.StartNew(
            () => PollUntilCancelled(batches.Writer, stop.Token),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (var batch in batches.Reader.ReadAllAsync(cancellationToken)) yield return batch;
        }
        finally
        {
            await stop.CancelAsync();
            // The caller may dispose of the client next, which must not be in use then.
            await polling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Marks the records of a batch, and all before them, as done: they need not come again. The offsets reach the
    /// broker within a second, or when this consumer is disposed of. Does nothing without a group.
    /// </summary>
    public void StoreOffsets(IReadOnlyList<EventRecord> batch)
    {
        if (_options.Group is not null) _positions.StoreOffsets(batch);
    }

    /// <summary>Leaves the group and closes the connections. Only after reading has ended.</summary>
    public void Dispose()
    {
        _client.Close();
        _client.Dispose();
    }

    private void PollUntilCancelled(
        ChannelWriter<IReadOnlyList<EventRecord>> batches, CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                var batch = PollBatch(cancellationToken);
                // This thread has nothing else to do, so it may block.
                if (batch.Count > 0) batches.WriteAsync(batch, cancellationToken).AsTask().GetAwaiter().GetResult();
            }

            batches.Complete();
        }
        catch (Exception e)
        {
            // The reader throws it: a cancellation, a fatal error of the client, or an error of the gap callback.
            batches.Complete(e);
        }
    }

    private List<EventRecord> PollBatch(CancellationToken cancellationToken)
    {
        var batch = new List<EventRecord>();
        var timeout = PollTimeout;
        while (batch.Count < _options.BatchMax && TryConsume(timeout, cancellationToken, out var message))
        {
            timeout = TimeSpan.Zero;
            if (message is null) continue;
            if (_isBrokerLost)
            {
                // A gap must be reported before the messages that follow it: read this one again after the check.
                _positions.Rewind(message);
                break;
            }

            if (TryParse(message, out var record)) batch.Add(record);
        }

        if (_isBrokerLost && batch.Count == 0 && _positions.TryCheckAfterOutage())
        {
            _isBrokerLost = false;
            _logger.BrokerBack();
        }

        return batch;
    }

    /// <summary>False if nothing came within the time-out. The message is null if it could not be fetched.</summary>
    private bool TryConsume(
        TimeSpan timeout, CancellationToken cancellationToken, out ConsumeResult<byte[]?, byte[]?>? message)
    {
        try
        {
            message = _client.Consume(timeout);
            return message is not null;
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            message = null;
            if (e.Error.Code != ErrorCode.Local_AutoOffsetReset) OnError(e.Error);
            else _positions.SkipGap(e.ConsumerRecord.TopicPartition, cancellationToken);
            return true;
        }
    }

    private bool TryParse(ConsumeResult<byte[]?, byte[]?> message, out EventRecord record)
    {
        _positions.Advance(message.TopicPartition, message.Offset);
        try
        {
            record = EventRecord.Parse(
                message.Topic, message.Partition, message.Offset, message.Message.Key, message.Message.Value);
            return true;
        }
        catch (MalformedEnvelopeException e)
        {
            _logger.MessageSkipped(message.Topic, message.Partition, message.Offset, e);
            record = default;
            return false;
        }
    }

    private void OnError(Error error)
    {
        if (error.Code is not (ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Transport))
        {
            _logger.ClientError(error.Code, error.Reason);
            return;
        }

        if (!_isBrokerLost) _logger.BrokerLost(error.Reason);
        _isBrokerLost = true;
    }
}

/// <summary>Where a consumer starts in a partition in which it has no position.</summary>
public enum EventStart
{
    /// <summary>With the next message that is written.</summary>
    End,

    /// <summary>With the oldest message that the broker has.</summary>
    Beginning,
}

/// <summary>What an <see cref="EventConsumer"/> reads, and how.</summary>
public sealed record EventConsumerOptions
{
    /// <summary>Brokers: <c>host:port</c>, separated by commas.</summary>
    public required string BootstrapServers { get; init; }

    /// <summary>The topics.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>
    /// The consumer group: its members share the partitions, and the broker keeps its offsets. Null: this consumer
    /// reads every partition itself, and keeps no offsets.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>Where to start without a position.</summary>
    public EventStart Start { get; init; } = EventStart.End;

    /// <summary>Most records in a batch, at least 1.</summary>
    public int BatchMax { get; init; } = 1000;

    /// <summary>
    /// How long the broker may hold a request that finds nothing. Kafka answers as soon as a message comes, but
    /// librdkafka's mock cluster always waits this long: there it bounds the latency.
    /// </summary>
    public TimeSpan FetchWaitMax { get; init; } = TimeSpan.FromMilliseconds(20);

    internal ConsumerConfig ToClientConfig() => new()
    {
        BootstrapServers = BootstrapServers,
        // librdkafka demands a group even from a consumer that joins none.
        GroupId = Group ?? $"alone-{Guid.NewGuid():N}",
        // The client commits the offsets that the caller has stored: see EventConsumer.StoreOffsets.
        EnableAutoCommit = Group is not null,
        EnableAutoOffsetStore = false,
        AutoCommitIntervalMs = 1000,
        // A gap is an error, so that it can be reported.
        AutoOffsetReset = AutoOffsetReset.Error,
        // An eager strategy: EventPositions assigns all partitions at once, which the cooperative protocol forbids.
        PartitionAssignmentStrategy = PartitionAssignmentStrategy.Range,
        // How long a dead member keeps its partitions; 6 s is the least that brokers allow. In the mock cluster, a
        // member that restarts waits this long too.
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

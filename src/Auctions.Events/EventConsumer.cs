using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace Auctions.Events;

/// <summary>
/// Reads the feed in batches: every partition alone, or as a member of a group. One thread of its own polls the client and owns
/// it; it runs ahead of the reader by one batch. Order holds within a partition. A broker that is away is waited for. A message
/// that is malformed is logged and skipped. Delivery is at least once.
/// </summary>
public sealed class EventConsumer : IDisposable
{
    private static readonly TimeSpan PollMax = TimeSpan.FromMilliseconds(100);

    private readonly EventConsumerOptions _options;
    private readonly ILogger _logger;
    private readonly IConsumer<byte[]?, byte[]?> _client;
    private readonly EventPositions _positions;
    private bool _brokerLost;
    private bool _started;

    /// <summary>A consumer that has not started.</summary>
    /// <param name="options">What to read.</param>
    /// <param name="onGap">Called from the polling thread before any record that follows the gap.</param>
    /// <param name="logger">Says once when a broker goes away and comes back.</param>
    public EventConsumer(EventConsumerOptions options, Action<EventGap> onGap, ILogger<EventConsumer> logger)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchMax, 1);
        _options = options;
        _logger = logger;
        _client = new ConsumerBuilder<byte[]?, byte[]?>(options.ToClientConfig())
            .SetErrorHandler((_, error) => OnError(error))
            .SetLogHandler((_, line) => EventLog.Client(_logger, line.Facility, line.Message))
            .SetPartitionsAssignedHandler((_, partitions) => _positions!.ForGroup(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => _positions!.Forget(partitions))
            .Build();
        _positions = new EventPositions(_client, options, onGap, _logger);
    }

    /// <summary>
    /// Takes its place: once this has returned, all that is written later is read, so state that is read from Postgres after it
    /// and what the feed brings leave nothing out. (With a group this holds once the group has given out its partitions.)
    /// Waits for a broker that is away and for topics that do not exist yet.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_started) throw new InvalidOperationException("The consumer was started before.");
        _started = true;
        if (_options.Group is not null)
        {
            _client.Subscribe(_options.Topics);
            return;
        }

        await Task.Factory.StartNew(
            () => _client.Assign(_positions.ForAll(cancellationToken)),
            cancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).ConfigureAwait(false);
    }

    /// <summary>The batches, none of them empty. Ends by cancellation alone.</summary>
    public async IAsyncEnumerable<IReadOnlyList<EventRecord>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!_started) throw new InvalidOperationException("Start the consumer first.");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var batches = Channel.CreateBounded<IReadOnlyList<EventRecord>>(1);
        var polling = Task.Factory.StartNew(
            () => PollAll(batches.Writer, stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (var batch in batches.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false)) yield return batch;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            // The client belongs to the thread until it has ended.
            await polling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Says that the records of a batch, and all before them, need not come again. The offsets reach the broker within a second, or
    /// when this is disposed. Without a group it does nothing.
    /// </summary>
    public void Done(IReadOnlyList<EventRecord> batch)
    {
        if (_options.Group is not null) _positions.Store(batch);
    }

    /// <summary>Leaves the group and closes the connections. Only after reading has ended.</summary>
    public void Dispose()
    {
        _client.Close();
        _client.Dispose();
    }

    private void PollAll(ChannelWriter<IReadOnlyList<EventRecord>> batches, CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                var batch = PollBatch(cancellationToken);
                // The thread is ours, so it may as well wait.
                if (batch.Count > 0) batches.WriteAsync(batch, cancellationToken).AsTask().GetAwaiter().GetResult();
            }

            batches.Complete();
        }
        catch (Exception e)
        {
            // The reader throws it: a cancellation, a fatal error of the client, or an error of the gap's callback.
            batches.Complete(e);
        }
    }

    private List<EventRecord> PollBatch(CancellationToken cancellationToken)
    {
        var batch = new List<EventRecord>();
        var wait = PollMax;
        while (batch.Count < _options.BatchMax && TryConsume(wait, cancellationToken, out var message))
        {
            wait = TimeSpan.Zero;
            if (message is null) continue;
            if (_brokerLost)
            {
                // A gap is reported before what follows it: this message has to come again, after the check.
                _positions.Rewind(message);
                break;
            }

            if (TryParse(message, out var record)) batch.Add(record);
        }

        if (_brokerLost && batch.Count == 0 && _positions.TryCheckAfterOutage())
        {
            _brokerLost = false;
            EventLog.BrokerBack(_logger);
        }

        return batch;
    }

    // False where nothing came in that time; a null message is one that could not be had.
    private bool TryConsume(TimeSpan wait, CancellationToken cancellationToken, out ConsumeResult<byte[]?, byte[]?>? message)
    {
        try
        {
            message = _client.Consume(wait);
            return message is not null;
        }
        catch (ConsumeException e) when (!e.Error.IsFatal)
        {
            message = null;
            if (e.Error.Code == ErrorCode.Local_AutoOffsetReset) _positions.SkipGap(e.ConsumerRecord.TopicPartition, cancellationToken);
            else OnError(e.Error);
            return true;
        }
    }

    private bool TryParse(ConsumeResult<byte[]?, byte[]?> message, out EventRecord record)
    {
        _positions.Passed(message.TopicPartition, message.Offset);
        try
        {
            record = EventRecord.Parse(
                message.Topic, message.Partition, message.Offset, message.Message.Key, message.Message.Value);
            return true;
        }
        catch (MalformedEnvelopeException e)
        {
            EventLog.Malformed(_logger, e, message.Topic, message.Partition, message.Offset);
            record = default;
            return false;
        }
    }

    // Runs on the polling thread, inside Consume.
    private void OnError(Error error)
    {
        if (error.Code is not (ErrorCode.Local_AllBrokersDown or ErrorCode.Local_Transport))
        {
            EventLog.ClientError(_logger, error.Code, error.Reason);
            return;
        }

        if (!_brokerLost) EventLog.BrokerLost(_logger, error.Reason);
        _brokerLost = true;
    }
}

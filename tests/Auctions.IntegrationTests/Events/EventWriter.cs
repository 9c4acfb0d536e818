using Auctions.Events;
using DevStack.Relay;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Events;

/// <summary>Writes to the feed without a database.</summary>
internal sealed class EventWriter(string kafka) : IDisposable
{
    private readonly EventProducer _producer = new(kafka, TimeProvider.System, NullLogger.Instance);
    private readonly ReplicationProgress _deliveries = new();
    private readonly EnvelopeWriter _envelope = new();

    /// <summary>A change of an auction's row; returns when Kafka has it.</summary>
    public async Task WriteAsync(Guid auction, long version)
    {
        _envelope.BeginAfter();
        _envelope.Row.WriteString("id", auction);
        _envelope.Row.WriteNumber("version", version);
        var value = _envelope.End(ChangeOperation.Update, new ChangeSource { Schema = "public", Table = "auctions", Database = "t" }, 1);
        await WriteAsync(EventKey.Of(auction), value);
    }

    public async Task WriteAsync(byte[] key, byte[]? value)
    {
        var transaction = _deliveries.Open();
        await _producer.SendAsync(KafkaTopics.Auctions, key, value, transaction, CancellationToken.None);
        transaction.Commit(default);
        var delivered = _deliveries.AllDeliveredAsync(CancellationToken.None);
        await (await Task.WhenAny(delivered, _producer.Failed)).WaitAsync(TimeSpan.FromSeconds(60));
    }

    public void Dispose()
    {
        _producer.Dispose();
        _envelope.Dispose();
    }
}

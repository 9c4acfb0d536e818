using System.Net;
using Auctions.Events;
using DevStack.Kafka;
using DevStack.Relay;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Events;

public sealed class EventConsumerTests : IDisposable
{
    private static readonly string[] Topics = [KafkaTopics.Auctions];

    private KafkaHost _kafka = new(new IPEndPoint(IPAddress.Loopback, 0), KafkaTopics.PartitionsDefault);

    public void Dispose() => _kafka.Dispose();

    [Fact]
    public async Task A_consumer_from_the_end_reads_everything_after_its_start_and_nothing_before()
    {
        using var writer = new EventWriter(_kafka.Address);
        Guid[] auctions = [.. Enumerable.Range(0, 30).Select(_ => Guid.NewGuid())];
        foreach (var id in auctions) await writer.WriteAsync(id, 1);

        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.End, null, Topics);
        foreach (var id in auctions) await writer.WriteAsync(id, 2);
        await Eventually.TrueAsync(() => tail.Records.Count == auctions.Length, "everything after the start");

        Assert.All(tail.Records, r => Assert.Equal(2, Version(r)));
        Assert.Empty(tail.Gaps);
    }

    [Fact]
    public async Task A_malformed_message_is_skipped()
    {
        using var writer = new EventWriter(_kafka.Address);
        var auction = Guid.NewGuid();
        await writer.WriteAsync(auction, 1);
        await writer.WriteAsync(EventKey.Of(auction), "{\"op\":\"?\"}"u8.ToArray());
        await writer.WriteAsync("no key of ours"u8.ToArray(), "{}"u8.ToArray());
        await writer.WriteAsync(EventKey.Of(auction), null);
        await writer.WriteAsync(auction, 2);

        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, null, Topics);
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Auctions).Count == 3, "the other messages");
        Assert.Equal(
            [EventRecordKind.Change, EventRecordKind.Tombstone, EventRecordKind.Change],
            tail.Of(auction, KafkaTopics.Auctions).Select(r => r.Kind));
    }

    [Fact]
    public async Task A_consumer_loses_no_message_in_an_outage_of_the_broker()
    {
        using var writer = new EventWriter(_kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, null, Topics);
        var auction = Guid.NewGuid();
        await writer.WriteAsync(auction, 1);
        await Eventually.TrueAsync(() => tail.Records.Count == 1, "the first message");

        _kafka.Cluster.SetDown();
        var second = writer.WriteAsync(auction, 2);
        _kafka.Cluster.SetUp();
        await second;

        await Eventually.TrueAsync(() => tail.Records.Any(r => Version(r) == 2), "the message of the outage");
        Assert.Equal([1L, 2L], tail.Records.Select(Version));
        Assert.All(tail.Gaps, gap => Assert.Equal(EventGapReason.BrokerLost, gap.Reason));
    }

    [Fact]
    public async Task A_broker_that_lost_its_data_is_a_gap_and_its_new_messages_are_read()
    {
        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, null, Topics);
        var auction = Guid.NewGuid();
        using (var writer = new EventWriter(_kafka.Address))
        {
            for (var version = 1; version <= 5; version++) await writer.WriteAsync(auction, version);
        }

        await Eventually.TrueAsync(() => tail.Records.Count == 5, "the first five");
        var address = IPEndPoint.Parse(_kafka.Address);
        _kafka.Dispose();
        _kafka = new KafkaHost(address, KafkaTopics.PartitionsDefault);
        using var again = new EventWriter(_kafka.Address);
        await again.WriteAsync(auction, 6);

        await Eventually.TrueAsync(() => tail.Records.Any(r => Version(r) == 6), "the message of the new broker");
        var gap = Assert.Single(tail.Gaps, g => g.Reason == EventGapReason.OffsetOutOfRange);
        Assert.Equal((5, 0), (gap.ExpectedOffset, gap.NextOffset));
    }

    [Fact]
    public async Task Messages_that_retention_deleted_are_a_gap()
    {
        using var writer = new EventWriter(_kafka.Address);
        var auction = Guid.NewGuid();
        await writer.WriteAsync(auction, 1);
        await using (var first = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, "retention", Topics))
        {
            await Eventually.TrueAsync(() => first.Records.Count == 1, "the first message");
        }

        // More than the mock cluster keeps in a partition.
        var filler = new byte[512 * 1024];
        for (var i = 0; i < 16; i++) await writer.WriteAsync(EventKey.Of(auction), filler);
        await writer.WriteAsync(auction, 2);

        await using var second = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, "retention", Topics);
        await Eventually.TrueAsync(() => second.Records.Any(r => Version(r) == 2), "the message after the gap");
        var gap = Assert.Single(second.Gaps);
        Assert.Equal((EventGapReason.OffsetOutOfRange, 1L), (gap.Reason, gap.ExpectedOffset));
        Assert.True(gap.NextOffset > 1);
    }

    [Fact]
    public async Task A_group_continues_after_its_stored_offsets()
    {
        using var writer = new EventWriter(_kafka.Address);
        Guid[] auctions = [.. Enumerable.Range(0, 30).Select(_ => Guid.NewGuid())];
        foreach (var id in auctions) await writer.WriteAsync(id, 1);
        await using (var first = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, "group", Topics))
        {
            await Eventually.TrueAsync(() => first.Records.Count == auctions.Length, "everything so far");
        }

        foreach (var id in auctions) await writer.WriteAsync(id, 2);
        await using var second = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, "group", Topics);
        await Eventually.TrueAsync(
            () => second.Records.Count(r => Version(r) == 2) == auctions.Length, "the messages since then");
        Assert.DoesNotContain(second.Records, r => Version(r) == 1);
        Assert.Empty(second.Gaps);
    }

    [Fact]
    public async Task A_consumer_waits_for_a_broker_that_is_not_there_yet()
    {
        var address = IPEndPoint.Parse(_kafka.Address);
        _kafka.Dispose();
        var starting = EventTail.StartAsync(address.ToString(), EventStart.Beginning, null, Topics);
        _kafka = new KafkaHost(address, KafkaTopics.PartitionsDefault);
        await using var tail = await starting.WaitAsync(TimeSpan.FromSeconds(60));
        using var writer = new EventWriter(_kafka.Address);
        await writer.WriteAsync(Guid.NewGuid(), 1);
        await Eventually.TrueAsync(() => tail.Records.Count == 1, "the first message");
    }

    private static long Version(EventRecord record)
    {
        var row = record.Change.ReadAfter();
        while (row.Read())
        {
            if (row.Is("version"u8)) return row.Int64();
        }

        return 0;
    }
}

/// <summary>Writes change events without a database.</summary>
internal sealed class EventWriter(string kafka) : IDisposable
{
    private readonly EventProducer _producer = new(kafka, TimeProvider.System, NullLogger.Instance);
    private readonly ReplicationProgress _deliveries = new();
    private readonly EnvelopeWriter _envelope = new();

    /// <summary>Writes a change of an auction's row; returns when Kafka has it.</summary>
    public async Task WriteAsync(Guid auction, long version)
    {
        _envelope.BeginAfter();
        _envelope.Row.WriteString("id", auction);
        _envelope.Row.WriteNumber("version", version);
        var source = new ChangeSource { Schema = "public", Table = "auctions", Database = "t" };
        await WriteAsync(EventKey.Of(auction), _envelope.End(ChangeOperation.Update, source, timestampMs: 1));
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

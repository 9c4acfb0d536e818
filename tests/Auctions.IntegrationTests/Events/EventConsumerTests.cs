using System.Net;
using Auctions.Events;
using DevStack.Kafka;

namespace Auctions.IntegrationTests.Events;

public sealed class EventConsumerTests : IDisposable
{
    private static readonly string[] Topics = [KafkaTopics.Auctions];

    private KafkaHost _kafka = new(new IPEndPoint(IPAddress.Loopback, 0), KafkaTopics.PartitionsDefault);

    public void Dispose() => _kafka.Dispose();

    [Fact]
    public async Task A_consumer_at_the_end_gets_all_that_is_written_once_it_has_started_and_nothing_before()
    {
        using var writer = new EventWriter(_kafka.Address);
        Guid[] auctions = [.. Enumerable.Range(0, 30).Select(_ => Guid.NewGuid())];
        foreach (var id in auctions) await writer.WriteAsync(id, 1);

        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.End, null, Topics);
        foreach (var id in auctions) await writer.WriteAsync(id, 2);
        await Eventually.TrueAsync(() => tail.Records.Count == auctions.Length, "what was written after the start");

        Assert.All(tail.Records, r => Assert.Equal(2, Version(r)));
        Assert.Empty(tail.Gaps);
    }

    [Fact]
    public async Task A_message_that_is_malformed_is_skipped()
    {
        using var writer = new EventWriter(_kafka.Address);
        var auction = Guid.NewGuid();
        await writer.WriteAsync(auction, 1);
        await writer.WriteAsync(EventKey.Of(auction), "{\"op\":\"?\"}"u8.ToArray());
        await writer.WriteAsync("no key of ours"u8.ToArray(), "{}"u8.ToArray());
        await writer.WriteAsync(EventKey.Of(auction), null);
        await writer.WriteAsync(auction, 2);

        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, null, Topics);
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Auctions).Count == 3, "the others");
        Assert.Equal(
            [EventRecordKind.Change, EventRecordKind.Tombstone, EventRecordKind.Change],
            tail.Of(auction, KafkaTopics.Auctions).Select(r => r.Kind));
    }

    [Fact]
    public async Task A_broker_that_comes_back_is_followed_and_the_outage_reported()
    {
        using var writer = new EventWriter(_kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, null, Topics);
        var auction = Guid.NewGuid();
        await writer.WriteAsync(auction, 1);
        await Eventually.TrueAsync(() => tail.Records.Count == 1, "the first");

        _kafka.Cluster.SetDown();
        var second = writer.WriteAsync(auction, 2);
        _kafka.Cluster.SetUp();
        await second;

        await Eventually.TrueAsync(() => tail.Records.Any(r => Version(r) == 2), "what was written during the outage");
        Assert.Equal([1L, 2L], tail.Records.Select(Version));
        Assert.All(tail.Gaps, gap => Assert.Equal(EventGapReason.BrokerLost, gap.Reason));
    }

    [Fact]
    public async Task A_broker_that_lost_its_data_is_a_gap_and_what_it_has_now_is_read()
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

        await Eventually.TrueAsync(() => tail.Records.Any(r => Version(r) == 6), "what the new broker has");
        var gap = Assert.Single(tail.Gaps, g => g.Reason == EventGapReason.OffsetOutOfRange);
        Assert.Equal((5, 0), (gap.ExpectedOffset, gap.NextOffset));
    }

    [Fact]
    public async Task Retention_that_takes_what_comes_next_is_a_gap()
    {
        using var writer = new EventWriter(_kafka.Address);
        var auction = Guid.NewGuid();
        await writer.WriteAsync(auction, 1);
        await using (var first = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, "retention", Topics))
        {
            await Eventually.TrueAsync(() => first.Records.Count == 1, "the first");
        }

        // More than the mock cluster keeps of a partition.
        var filler = new byte[512 * 1024];
        for (var i = 0; i < 16; i++) await writer.WriteAsync(EventKey.Of(auction), filler);
        await writer.WriteAsync(auction, 2);

        await using var second = await EventTail.StartAsync(_kafka.Address, EventStart.Beginning, "retention", Topics);
        await Eventually.TrueAsync(() => second.Records.Any(r => Version(r) == 2), "what is left");
        var gap = Assert.Single(second.Gaps);
        Assert.Equal((EventGapReason.OffsetOutOfRange, 1L), (gap.Reason, gap.ExpectedOffset));
        Assert.True(gap.NextOffset > 1);
    }

    [Fact]
    public async Task A_group_goes_on_where_it_was_done()
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
        await Eventually.TrueAsync(() => second.Records.Count(r => Version(r) == 2) == auctions.Length, "what came since");
        Assert.DoesNotContain(second.Records, r => Version(r) == 1);
        Assert.Empty(second.Gaps);
    }

    [Fact]
    public async Task A_broker_that_is_not_there_yet_is_waited_for()
    {
        var address = IPEndPoint.Parse(_kafka.Address);
        _kafka.Dispose();
        var starting = EventTail.StartAsync(address.ToString(), EventStart.Beginning, null, Topics);
        _kafka = new KafkaHost(address, KafkaTopics.PartitionsDefault);
        await using var tail = await starting.WaitAsync(TimeSpan.FromSeconds(60));
        using var writer = new EventWriter(_kafka.Address);
        await writer.WriteAsync(Guid.NewGuid(), 1);
        await Eventually.TrueAsync(() => tail.Records.Count == 1, "the first");
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

using System.Net;
using System.Text.Json;
using Auctions.Events;
using Auctions.IntegrationTests.Servers;
using DevStack.Kafka;
using DevStack.Relay;

namespace Auctions.IntegrationTests.Events;

/// <summary>What the relay writes to Kafka, in undisturbed operation.</summary>
[Collection(PostgresCollection.Name)]
public sealed class RelayTests(PostgresServer postgres) : IDisposable
{
    private readonly KafkaHost _kafka = new(new IPEndPoint(IPAddress.Loopback, 0), KafkaTopics.PartitionsDefault);

    public void Dispose() => _kafka.Dispose();

    [Fact]
    public async Task Inserts_updates_and_deletes_arrive_with_a_tombstone_after_the_delete()
    {
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var auction = Guid.NewGuid();

        await tables.AddAuctionAsync(auction, version: 4);
        await tables.ExecuteAsync($"update auctions set version = 5, media_urls = null where id = '{auction}'");
        await tables.ExecuteAsync($"delete from auctions where id = '{auction}'");
        await Eventually.TrueAsync(
            () => tail.Of(auction, KafkaTopics.Auctions).Count == 4, "insert, update, delete, tombstone");

        var records = tail.Of(auction, KafkaTopics.Auctions);
        Assert.Equal(
            [ChangeOperation.Create, ChangeOperation.Update, ChangeOperation.Delete],
            records.Take(3).Select(r => r.Change.Operation));
        Assert.Equal(EventRecordKind.Tombstone, records[3].Kind);
        Assert.Equal("""["a","b, c"]""", Field(records[0].Change.After, "media_urls"));
        Assert.Equal("\"2026-01-02T03:04:05.5Z\"", Field(records[0].Change.After, "recorded_at"));
        Assert.Equal("true", Field(records[0].Change.After, "reserve_met"));
        Assert.Equal("null", Field(records[1].Change.After, "media_urls"));
        Assert.Equal("5", Field(records[1].Change.After, "version"));
        Assert.Equal($"\"{auction}\"", Field(records[2].Change.Before, "id"));
        Assert.True(records[0].Change.Source.Lsn < records[1].Change.Source.Lsn);
        Assert.All(records.Take(3), r =>
            Assert.True(r.Change.Source is { TransactionId: > 0, TimestampMs: > 0, IsSnapshot: false }));
    }

    [Fact]
    public async Task Columns_outside_the_publication_are_in_no_message()
    {
        var tables = await EventTables.CreateAsync(postgres);
        var auction = Guid.NewGuid();
        await tables.AddAuctionAsync(auction);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address, SnapshotMode.WhenNeeded);
        await using var tail = await EventTail.StartAsync(_kafka.Address);

        await tables.ExecuteAsync($"update auctions set ceiling = 987654321 where id = '{auction}'");
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Auctions).Count == 2, "snapshot and update");

        Assert.All(tail.Of(auction, KafkaTopics.Auctions), r =>
        {
            using var row = JsonDocument.Parse(r.Change.After);
            Assert.False(row.RootElement.TryGetProperty("ceiling", out _));
        });
    }

    [Fact]
    public async Task A_large_value_that_an_update_does_not_change_is_marked_unavailable()
    {
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var auction = Guid.NewGuid();

        await tables.ExecuteAsync("alter table auctions alter column title set storage external");
        await tables.AddAuctionAsync(auction);
        await tables.ExecuteAsync($"update auctions set title = repeat('x', 20000) where id = '{auction}'");
        await tables.ExecuteAsync($"update auctions set version = 9 where id = '{auction}'");
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Auctions).Count == 3, "insert and two updates");

        var last = tail.Of(auction, KafkaTopics.Auctions)[2];
        Assert.Equal($"\"{RowReader.UnavailableValue}\"", Field(last.Change.After, "title"));
    }

    [Fact]
    public async Task Entries_of_an_auction_arrive_in_order_and_in_the_partition_of_its_row()
    {
        const int auctions = 20, entries = 100;
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var ids = Enumerable.Range(0, auctions).Select(_ => Guid.NewGuid()).ToArray();

        foreach (var id in ids) await tables.AddAuctionAsync(id);
        // One transaction for each entry, with the auctions in turn.
        var sql = string.Join('\n', Enumerable.Range(1, entries).SelectMany(version => ids.Select(id =>
            $"insert into ledger values ('{id}', gen_random_uuid(), {version}, 1); commit;")));
        await tables.ExecuteAsync($"do $$ begin {sql} end $$");
        await Eventually.TrueAsync(
            () => tail.Records.Count(r => r.Topic == KafkaTopics.Ledger) == auctions * entries, "every entry");

        foreach (var id in ids)
        {
            var mine = tail.Of(id, KafkaTopics.Ledger);
            Assert.Equal(Enumerable.Range(1, entries).Select(v => (long?)v), mine.Select(Version));
            var partition = Assert.Single(mine.Select(r => r.Partition).Distinct());
            Assert.Equal(tail.Of(id, KafkaTopics.Auctions).Single().Partition, partition);
        }
    }

    [Fact]
    public async Task The_slot_advances_without_traffic_and_Kafka_gets_heartbeats()
    {
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);

        // A table that is not published.
        await tables.ExecuteAsync("create table other as select generate_series(1, 1000)");
        var reached = await tables.CurrentLsnAsync();
        await Eventually.TrueAsync(
            async () => await tables.ConfirmedLsnAsync() >= reached, "the slot passes the unpublished work");

        await Eventually.TrueAsync(
            () => tail.Records.Count(r => r.Kind == EventRecordKind.Heartbeat) >= 2, "heartbeats");
    }

    [Fact]
    public async Task A_column_that_is_added_later_is_in_the_messages()
    {
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var auction = Guid.NewGuid();

        await tables.AddEntryAsync(auction, 1);
        await tables.ExecuteAsync("alter table ledger add column note text");
        await tables.ExecuteAsync($"insert into ledger values ('{auction}', gen_random_uuid(), 2, 100, 'new')");
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Ledger).Count == 2, "both entries");

        Assert.Equal("\"new\"", Field(tail.Of(auction, KafkaTopics.Ledger)[1].Change.After, "note"));
    }

    private static long? Version(EventRecord record)
    {
        var row = record.Change.ReadAfter();
        while (row.Read())
        {
            if (row.Is("version"u8)) return row.Int64OrNull();
        }

        return null;
    }

    private static string Field(ReadOnlyMemory<byte> row, string name)
    {
        using var json = JsonDocument.Parse(row);
        return json.RootElement.GetProperty(name).GetRawText();
    }
}

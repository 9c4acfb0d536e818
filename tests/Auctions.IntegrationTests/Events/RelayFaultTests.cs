using System.Net;
using Auctions.Events;
using Auctions.IntegrationTests.Servers;
using DevStack.Kafka;
using DevStack.Relay;

namespace Auctions.IntegrationTests.Events;

/// <summary>The relay while processes and connections fail.</summary>
[Collection(PostgresCollection.Name)]
public sealed class RelayFaultTests(PostgresServer postgres) : IDisposable
{
    private readonly KafkaHost _kafka = new(new IPEndPoint(IPAddress.Loopback, 0), KafkaTopics.PartitionsDefault);

    public void Dispose() => _kafka.Dispose();

    [Fact]
    public async Task Killing_the_relay_while_it_streams_loses_nothing()
    {
        const int entries = 3000, kills = 3;
        var tables = await EventTables.CreateAsync(postgres);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var auction = Guid.NewGuid();

        var relay = await RelayProcess.StartAsync(tables, _kafka.Address);
        var writing = WriteEntriesAsync(tables, auction, entries);
        for (var kill = 1; kill <= kills; kill++)
        {
            var enough = entries * kill / (kills + 1);
            await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Ledger).Count >= enough, $"{enough} entries");
            await relay.DisposeAsync();
            relay = await RelayProcess.StartAsync(tables, _kafka.Address);
        }

        await writing;
        await Eventually.TrueAsync(() => Versions(tail, auction).Distinct().Count() == entries, "every entry");
        await relay.DisposeAsync();
        AssertNoHoles(Versions(tail, auction));
    }

    [Fact]
    public async Task Nothing_is_confirmed_to_Postgres_before_Kafka_has_acknowledged_it()
    {
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var auction = Guid.NewGuid();
        await tables.AddEntryAsync(auction, 1);
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Ledger).Count == 1, "the relay works");

        _kafka.Cluster.SetDown();
        await tables.AddEntryAsync(auction, 2);
        var written = await tables.CurrentLsnAsync();
        var isSent = $"""
            select exists (
              select from pg_stat_replication r join pg_replication_slots s on s.active_pid = r.pid
              where s.slot_name = '{tables.Slot}' and r.sent_lsn - '0/0'::pg_lsn >= {written})
            """;
        await Eventually.TrueAsync(() => tables.ScalarAsync<bool>(isSent), "Postgres has sent the entry to the relay");
        // Heartbeats take the same way: several of them would advance the slot if one of them were confirmed too early.
        for (var beat = 0; beat < 5; beat++)
        {
            await tables.ExecuteAsync("select pg_logical_emit_message(false, 'auctions-heartbeat', '')");
            Assert.True(await tables.ConfirmedLsnAsync() < written);
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        _kafka.Cluster.SetUp();
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Ledger).Count >= 2, "the entry arrives");
        await Eventually.TrueAsync(async () => await tables.ConfirmedLsnAsync() >= written, "and is confirmed");
    }

    [Fact]
    public async Task A_broker_that_was_down_gets_every_entry_without_a_gap()
    {
        const int entries = 500;
        var tables = await EventTables.CreateAsync(postgres);
        await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
        await using var tail = await EventTail.StartAsync(_kafka.Address);
        var auction = Guid.NewGuid();

        var writing = WriteEntriesAsync(tables, auction, entries);
        await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Ledger).Count > 10, "entries arrive");
        _kafka.Cluster.SetDown();
        await writing;
        _kafka.Cluster.SetUp();

        await Eventually.TrueAsync(() => Versions(tail, auction).Distinct().Count() == entries, "every entry");
        AssertNoHoles(Versions(tail, auction));
    }

    [Fact]
    public async Task The_relay_continues_after_a_restart_of_Postgres()
    {
        var own = new PostgresServer();
        await own.InitializeAsync();
        try
        {
            var tables = await EventTables.CreateAsync(own);
            await using var relay = await RunningRelay.StartAsync(tables, _kafka.Address);
            await using var tail = await EventTail.StartAsync(_kafka.Address);
            var auction = Guid.NewGuid();
            await tables.AddEntryAsync(auction, 1);
            await Eventually.TrueAsync(() => tail.Of(auction, KafkaTopics.Ledger).Count == 1, "the relay works");

            await own.Process.KillAsync();
            await own.StartAsync();
            await tables.AddEntryAsync(auction, 2);

            await Eventually.TrueAsync(() => Versions(tail, auction).Contains(2), "what was written after the restart");
        }
        finally
        {
            await own.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_Kafka_that_has_lost_its_data_gets_every_auction_again()
    {
        var tables = await EventTables.CreateAsync(postgres);
        var first = new KafkaHost(new IPEndPoint(IPAddress.Loopback, 0), KafkaTopics.PartitionsDefault);
        var address = IPEndPoint.Parse(first.Address);
        await using var relay = await RunningRelay.StartAsync(tables, first.Address, SnapshotMode.WhenNeeded);
        Guid[] auctions = [.. Enumerable.Range(0, 20).Select(_ => Guid.NewGuid())];
        foreach (var id in auctions) await tables.AddAuctionAsync(id, version: 1);
        await using (var tail = await EventTail.StartAsync(first.Address))
        {
            await Eventually.TrueAsync(
                () => auctions.All(id => tail.Of(id, KafkaTopics.Auctions).Count > 0), "the relay works");
        }

        first.Dispose();
        using var second = new KafkaHost(address, KafkaTopics.PartitionsDefault);
        await tables.ExecuteAsync($"update auctions set version = 2 where id = '{auctions[0]}'");

        await using var after = await EventTail.StartAsync(second.Address);
        await Eventually.TrueAsync(
            () => auctions.All(id => after.Of(id, KafkaTopics.Auctions).Count > 0), "every auction again");
        Assert.Contains(
            after.Of(auctions[1], KafkaTopics.Auctions),
            r => r.Change is { Operation: ChangeOperation.Read, Source.IsSnapshot: true });
    }

    // One transaction for each entry.
    private static Task WriteEntriesAsync(EventTables tables, Guid auction, int count) => tables.ExecuteAsync($"""
        do $$ begin
          for i in 1..{count} loop
            insert into ledger values ('{auction}', gen_random_uuid(), i, 1);
            commit;
          end loop;
        end $$
        """);

    private static long[] Versions(EventTail tail, Guid auction) => [.. tail.Of(auction, KafkaTopics.Ledger).Select(r =>
    {
        var row = r.Change.ReadAfter();
        while (row.Read())
        {
            if (row.Is("version"u8)) return row.Int64();
        }

        throw new InvalidOperationException("A row without a version.");
    })];

    // Versions may arrive again, but each new one follows the highest so far.
    private static void AssertNoHoles(long[] versions)
    {
        var highest = 0L;
        foreach (var version in versions)
        {
            Assert.True(version <= highest + 1, $"Version {version} arrived when {highest} was the highest so far.");
            highest = Math.Max(highest, version);
        }
    }
}

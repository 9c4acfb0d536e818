using Auctions.IntegrationTests.Servers;
using Npgsql;

namespace Auctions.IntegrationTests.Events;

/// <summary>
/// A database with two tables that have the names and the column types of ours. The relay knows nothing else of them.
/// </summary>
internal sealed class EventTables
{
    private const string Schema = """
        create table auctions (
            id uuid primary key, title text, media_urls text[], version bigint not null, extensions int not null,
            small smallint, reserve_met boolean not null, ceiling bigint,
            recorded_at timestamptz not null default '2026-01-02 03:04:05.5+00');
        create table ledger (
            auction_id uuid not null, id uuid not null, version bigint, amount bigint, primary key (auction_id, id));
        create publication auctions for
            table auctions (id, title, media_urls, version, extensions, small, reserve_met, recorded_at),
            table ledger;
        """;

    private static int _slots;

    private EventTables(string connectionString) => ConnectionString = connectionString;

    public string ConnectionString { get; }

    /// <summary>The name of a replication slot. Slots belong to the server, not to the database.</summary>
    public string Slot { get; } = $"events_{Environment.ProcessId}_{Interlocked.Increment(ref _slots)}";

    public static async Task<EventTables> CreateAsync(PostgresServer postgres)
    {
        var tables = new EventTables(await postgres.CreateDatabaseAsync());
        await tables.ExecuteAsync(Schema);
        return tables;
    }

    public Task ExecuteAsync(string sql) => PostgresServer.ExecuteAsync(ConnectionString, sql);

    public Task AddAuctionAsync(Guid id, long version = 0) => ExecuteAsync($$"""
        insert into auctions (id, title, media_urls, version, extensions, small, reserve_met)
        values ('{{id}}', 'A lamp', '{a,"b, c"}', {{version}}, 1, 2, true)
        """);

    public Task AddEntryAsync(Guid auction, long version) =>
        ExecuteAsync($"insert into ledger values ('{auction}', gen_random_uuid(), {version}, 100)");

    /// <summary>The LSN that the relay has confirmed to Postgres; 0 without a slot.</summary>
    public async Task<ulong> ConfirmedLsnAsync() => (ulong)await ScalarAsync<decimal>($"""
        select coalesce(
            (select confirmed_flush_lsn - '0/0'::pg_lsn from pg_replication_slots where slot_name = '{Slot}'), 0)
        """);

    public async Task<ulong> CurrentLsnAsync() =>
        (ulong)await ScalarAsync<decimal>("select pg_current_wal_lsn() - '0/0'::pg_lsn");

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}

using Npgsql;

namespace Auctions.IntegrationTests.Servers;

/// <summary>The servers of the other tests have the properties that these tests need.</summary>
public sealed class ServersTests
{
    [Fact]
    public async Task Postgres_is_as_durable_as_in_production_and_restarts_after_a_kill()
    {
        var postgres = new PostgresServer();
        await postgres.InitializeAsync();
        try
        {
            var database = await postgres.CreateDatabaseAsync();
            await PostgresServer.ExecuteAsync(database, "create table kept (n int); insert into kept values (7)");
            Assert.Equal(["on", "on", "on", "logical"], await ReadAsync(database, """
                select current_setting(s)
                from unnest(array['fsync', 'synchronous_commit', 'full_page_writes', 'wal_level']) s
                """));

            await postgres.Process.KillAsync();
            await Assert.ThrowsAnyAsync<NpgsqlException>(() => PostgresServer.ExecuteAsync(database, "select 1"));
            await postgres.StartAsync();
            Assert.Equal(["7"], await ReadAsync(database, "select n::text from kept"));
        }
        finally
        {
            await postgres.DisposeAsync();
        }
    }

    [Fact]
    public async Task Redis_restarts_after_a_kill()
    {
        var redis = new RedisServer();
        await redis.InitializeAsync();
        try
        {
            var first = redis.Process.Id;
            await redis.Process.KillAsync();
            await redis.StartAsync();
            Assert.NotEqual(first, redis.Process.Id);
        }
        finally
        {
            await redis.DisposeAsync();
        }
    }

    private static async Task<List<string>> ReadAsync(string connectionString, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var reader = await source.CreateCommand(sql).ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync()) rows.Add(reader.GetString(0));
        return rows;
    }
}

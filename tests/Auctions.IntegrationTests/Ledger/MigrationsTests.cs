using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.IntegrationTests.Ledger;

[Collection(PostgresCollection.Name)]
public sealed class MigrationsTests(PostgresServer postgres) : IAsyncLifetime
{
    private const string CreateA = "create table a (n int)";
    private const string CreateB = "create table b (n int)";

    private NpgsqlDataSource _source = null!;

    public async Task InitializeAsync() => _source = LedgerDataSource.Create(await postgres.CreateDatabaseAsync());

    public async Task DisposeAsync() => await _source.DisposeAsync();

    [Fact]
    public async Task Services_that_start_at_the_same_time_apply_each_file_once()
    {
        var applied = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => MigrateAsync()));

        var files = EmbeddedSql.Migrations().Count();
        Assert.Equal(files, applied.Sum());
        Assert.Single(applied, n => n > 0);
        Assert.Equal((long)files, await ScalarAsync("select count(*) from schema_migrations"));
        Assert.Equal(0, await MigrateAsync());
    }

    [Fact]
    public async Task A_file_that_was_changed_after_it_was_applied_is_named()
    {
        await MigrateAsync(("0001_first.sql", CreateA));

        var error = await Assert.ThrowsAsync<MigrationException>(
            () => MigrateAsync(("0001_first.sql", "create table a (n bigint)")));

        Assert.Contains("0001_first (checksum ", error.Message, StringComparison.Ordinal);
        Assert.Contains("a file with a new number", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await MigrateAsync(("0001_first.sql", CreateA), ("0002_second.sql", "drop table a")));
    }

    [Fact]
    public async Task A_file_that_fails_changes_nothing_and_the_error_has_its_name_and_the_cause()
    {
        var error = await Assert.ThrowsAsync<MigrationException>(
            () => MigrateAsync(("0001_first.sql", CreateA), ("0002_second.sql", $"{CreateB}; select broken")));

        Assert.Contains("0002_second failed: 42703", error.Message, StringComparison.Ordinal);
        Assert.Equal("a", await ScalarAsync(
            "select string_agg(tablename, ',') from pg_tables where tablename in ('a', 'b')"));
        Assert.Equal(1, await MigrateAsync(("0001_first.sql", CreateA), ("0002_second.sql", CreateB)));
    }

    [Fact]
    public async Task Two_files_with_the_same_number_are_an_error() =>
        await Assert.ThrowsAsync<MigrationException>(
            () => MigrateAsync(("0001_a.sql", "select 1"), ("0001_b.sql", "select 1")));

    [Fact]
    public async Task A_database_that_a_newer_version_has_migrated_is_not_an_error()
    {
        await MigrateAsync(("0001_first.sql", "select 1"), ("0002_newer.sql", "select 1"));
        Assert.Equal(0, await MigrateAsync(("0001_first.sql", "select 1")));
    }

    [Fact]
    public async Task A_server_that_could_lose_a_commit_is_an_error()
    {
        await LedgerDataSource.CheckDurabilityAsync(_source, CancellationToken.None);

        await using var lossy = LedgerDataSource.Create(
            _source.ConnectionString + ";Options='-c synchronous_commit=off'");
        var error = await Assert.ThrowsAsync<LedgerConfigurationException>(
            () => LedgerDataSource.CheckDurabilityAsync(lossy, CancellationToken.None));
        Assert.Contains("synchronous_commit=off", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statements_that_were_prepared_before_a_migration_are_prepared_again()
    {
        await MigrateAsync();
        var ledger = LedgerDatabase.NewLedger(_source, new LedgerStatements());
        for (var i = 0; i < 3; i++) Assert.Null(await ledger.ReadHeadAsync(Guid.NewGuid(), CancellationToken.None));

        await PostgresServer.ExecuteAsync(
            _source.ConnectionString, "alter table auctions alter column terms type varchar");

        Assert.Null(await ledger.ReadHeadAsync(Guid.NewGuid(), CancellationToken.None));
    }

    private Task<int> MigrateAsync() =>
        Migrations.OfThisVersion(_source, NullLogger<Migrations>.Instance).RunAsync(CancellationToken.None);

    private Task<int> MigrateAsync(params (string FileName, string Text)[] files)
    {
        var migrations = files.Select(f => Migration.Of(f.FileName, f.Text));
        return new Migrations(_source, migrations, NullLogger<Migrations>.Instance).RunAsync(CancellationToken.None);
    }

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = _source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}

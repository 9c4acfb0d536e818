using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.IntegrationTests.Ledger;

[Collection(PostgresCollection.Name)]
public sealed class MigrationsTests(PostgresServer postgres) : IAsyncLifetime
{
    private NpgsqlDataSource _source = null!;

    public async Task InitializeAsync() => _source = LedgerDataSource.Create(await postgres.CreateDatabaseAsync());

    public async Task DisposeAsync() => await _source.DisposeAsync();

    [Fact]
    public async Task Services_that_start_together_apply_each_file_once()
    {
        var applied = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Runner().RunAsync(CancellationToken.None)));

        var files = EmbeddedSql.Migrations().Count();
        Assert.Equal(files, applied.Sum());
        Assert.Single(applied, n => n > 0);
        Assert.Equal((long)files, await ScalarAsync("select count(*) from schema_migrations"));
        Assert.Equal(0, await Runner().RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_file_that_was_changed_after_it_was_applied_is_named()
    {
        await Runner(("0001_first.sql", "create table a (n int)")).RunAsync(CancellationToken.None);

        var error = await Assert.ThrowsAsync<MigrationException>(() =>
            Runner(("0001_first.sql", "create table a (n bigint)")).RunAsync(CancellationToken.None));

        Assert.Contains("0001_first (checksum ", error.Message, StringComparison.Ordinal);
        Assert.Contains("a file with a new number", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await Runner(("0001_first.sql", "create table a (n int)"), ("0002_second.sql", "drop table a")).RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_file_that_fails_leaves_nothing_behind_and_is_named_with_the_reason()
    {
        var error = await Assert.ThrowsAsync<MigrationException>(() =>
            Runner(("0001_first.sql", "create table a (n int)"), ("0002_second.sql", "create table b (n int); select broken")).RunAsync(CancellationToken.None));

        Assert.Contains("0002_second failed: 42703", error.Message, StringComparison.Ordinal);
        Assert.Equal("a", await ScalarAsync("select string_agg(tablename, ',') from pg_tables where tablename in ('a', 'b')"));
        Assert.Equal(1, await Runner(("0001_first.sql", "create table a (n int)"), ("0002_second.sql", "create table b (n int)")).RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Two_files_with_the_same_number_are_an_error() =>
        await Assert.ThrowsAsync<MigrationException>(() =>
            Runner(("0001_a.sql", "select 1"), ("0001_b.sql", "select 1")).RunAsync(CancellationToken.None));

    [Fact]
    public async Task A_database_that_a_newer_version_has_migrated_is_no_error()
    {
        await Runner(("0001_first.sql", "select 1"), ("0002_newer.sql", "select 1")).RunAsync(CancellationToken.None);
        Assert.Equal(0, await Runner(("0001_first.sql", "select 1")).RunAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_server_that_could_lose_a_commit_is_not_accepted()
    {
        await LedgerDataSource.CheckDurabilityAsync(_source, CancellationToken.None);

        await using var careless = LedgerDataSource.Create(_source.ConnectionString + ";Options='-c synchronous_commit=off'");
        var error = await Assert.ThrowsAsync<LedgerConfigurationException>(() => LedgerDataSource.CheckDurabilityAsync(careless, CancellationToken.None));
        Assert.Contains("synchronous_commit=off", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Statements_that_were_prepared_before_a_migration_are_prepared_anew()
    {
        await Runner().RunAsync(CancellationToken.None);
        var ledger = LedgerDatabase.With(_source, new LedgerStatements());
        for (var i = 0; i < 3; i++) Assert.Null(await ledger.ReadHeadAsync(Guid.NewGuid(), CancellationToken.None));

        await PostgresServer.ExecuteAsync(_source.ConnectionString, "alter table auctions alter column terms type varchar");

        Assert.Null(await ledger.ReadHeadAsync(Guid.NewGuid(), CancellationToken.None));
    }

    private Migrations Runner() => Migrations.OfThisVersion(_source, NullLogger<Migrations>.Instance);

    private Migrations Runner(params (string FileName, string Text)[] files) =>
        new(_source, files.Select(f => Migration.Of(f.FileName, f.Text)), NullLogger<Migrations>.Instance);

    private async Task<object?> ScalarAsync(string sql)
    {
        await using var command = _source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }
}

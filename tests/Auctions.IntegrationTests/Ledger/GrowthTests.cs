using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Npgsql;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>
/// A connection plans a statement once. The plans from a database with one auction must still be index look-ups when
/// the database has grown.
/// </summary>
[Collection(PostgresCollection.Name)]
public sealed class GrowthTests(PostgresServer postgres) : IAsyncLifetime
{
    private const int Auctions = 400;

    /// <summary>One connection, so that all calls use the plans of the first ones.</summary>
    private readonly LedgerDatabase _db = new(postgres) { Settings = ";Maximum Pool Size=1" };

    public Task InitializeAsync() => _db.InitializeAsync();

    public Task DisposeAsync() => _db.DisposeAsync();

    [Fact]
    public async Task A_statement_that_was_planned_on_a_small_database_reads_no_more_rows_on_a_large_one()
    {
        await _db.ByHandAsync("""
            alter table auctions set (autovacuum_enabled = off); alter table ledger set (autovacuum_enabled = off)
            """);
        var auction = await _db.OpenAsync();
        await UseAllAsync(auction, 0);
        await _db.ByHandAsync("analyze auctions; analyze ledger"); // the planner now believes that there is one auction
        for (var i = 1; i < 12; i++) await UseAllAsync(auction, i);
        var small = await RowsReadAsync(() => UseAllAsync(auction, 12));

        for (var i = 0; i < Auctions; i++)
        {
            var other = await _db.OpenAsync();
            var accepted = await _db.DecideAsync(other, Proxy("ann", 10_00));
            await _db.AppendAsync(accepted, await _db.DecideAsync(other, Proxy("low", 1)));
        }

        var grown = await RowsReadAsync(() => UseAllAsync(auction, 13));
        Assert.True(small > 10, $"{small} rows read: the statistics are missing.");
        Assert.True(grown < small + Auctions / 2, $"{grown} rows read, {small} before it grew.");
    }

    private async Task UseAllAsync(Guid auction, int round)
    {
        var accepted = await _db.DecideAsync(auction, Proxy($"bidder{round % 2}", (round + 1) * 10_00));
        var rejected = Decide(auction, await _db.HeadAsync(auction), Proxy("low", 1));
        Assert.All(await _db.AppendAsync(rejected, accepted), r => Assert.Equal(AppendOutcome.Appended, r.Outcome));
        Assert.All(await _db.AppendAsync(rejected, accepted), r => Assert.Equal(AppendOutcome.AlreadyThere, r.Outcome));
        var recent = await _db.Ledger.ReadRecentAnswersAsync([auction], 2, CancellationToken.None);
        Assert.Equal(2, recent[auction].Count());
        await _db.SealAsync(auction, SealCause.Time, Start);
        await _db.Waves.StartAsync([auction], CancellationToken.None);
    }

    /// <summary>Rows of auctions and ledger that were read, with and without an index.</summary>
    private async Task<long> RowsReadAsync(Func<Task> work)
    {
        var before = await CountAsync();
        await work();
        return await CountAsync() - before;
    }

    private async Task<long> CountAsync()
    {
        await using var connection = await _db.Source.OpenConnectionAsync();
        await using var flush = new NpgsqlCommand("select pg_stat_force_next_flush()", connection);
        await flush.ExecuteNonQueryAsync();
        await using var count = new NpgsqlCommand("""
            select (select sum(seq_tup_read) from pg_stat_user_tables where relname in ('auctions', 'ledger'))
              + (select sum(idx_tup_read) from pg_stat_user_indexes where relname in ('auctions', 'ledger'))
            """, connection);
        return (long)(decimal)(await count.ExecuteScalarAsync())!;
    }
}

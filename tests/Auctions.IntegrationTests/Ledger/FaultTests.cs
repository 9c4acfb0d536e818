using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>These tests have their own Postgres, which they kill, stop and suspend.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private readonly PostgresServer _postgres = new();
    private LedgerDatabase _db = null!;

    public async Task InitializeAsync()
    {
        await _postgres.InitializeAsync();
        _db = new LedgerDatabase(_postgres) { Settings = ";Command Timeout=2;Timeout=2;Cancellation Timeout=500" };
        await _db.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _db.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    /// <summary>
    /// Commits wait for a standby that does not exist: the rows and the commit record are written, but the commit is
    /// not acknowledged.
    /// </summary>
    [Fact]
    public async Task An_append_does_not_return_before_the_commit_and_a_repetition_finds_the_outcome_after_a_kill()
    {
        var auctions = new List<Guid>();
        for (var i = 0; i < 50; i++) auctions.Add(await _db.OpenAsync());
        await _db.SetClockAsync(Start + Hour / 60);
        var bids = new List<DecidedBid>();
        foreach (var auction in auctions) bids.Add(await _db.DecideAsync(auction, Proxy("ann", 10_00)));
        await _db.AppendAsync([.. bids.Take(1)]);
        await PostgresServer.ExecuteAsync(
            _postgres.ConnectionString(), "alter system set synchronous_standby_names = 'nobody'");
        await PostgresServer.ExecuteAsync(_postgres.ConnectionString(), "select pg_reload_conf()");

        var waiting = _db.AppendAsync([.. bids]);
        await Eventually.TrueAsync(async () => await WaitingCommitsAsync() == 1 || waiting.IsCompleted);
        Assert.False(waiting.IsCompleted);
        await _postgres.Process.KillAsync();
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => waiting);
        await Assert.ThrowsAsync<LedgerUnavailableException>(() => _db.AppendAsync([.. bids]));

        await File.WriteAllTextAsync(_postgres.AutoConf, "");
        await _postgres.StartAsync();
        var results = await AppendAgainAsync([.. bids]);
        Assert.All(results, r => Assert.True(r.Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere));
        Assert.Equal(bids, results.Select(r => r.Answer));
        foreach (var auction in auctions) Assert.Empty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_bid_in_flight_during_a_kill_is_in_the_ledger_or_can_be_appended()
    {
        var auction = await _db.OpenAsync();
        await _db.SetClockAsync(Start + Hour / 60);
        var killed = false;
        for (var i = 1; i <= 200; i++)
        {
            var bid = await _db.DecideAsync(auction, Proxy($"bidder{i % 3}", i * 10_00));
            var append = _db.AppendAsync(bid);
            if (i % 67 == 0)
            {
                await _postgres.Process.KillAsync();
                killed = true;
                var outcome = await Record.ExceptionAsync(() => append);
                Assert.True(outcome is null or LedgerUnavailableException, $"{outcome}");
                await _postgres.StartAsync();
                append = AppendAgainAsync(bid);
            }

            var result = (await append)[0];
            Assert.True(result.Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere);
            Assert.Equal(bid, result.Answer);
        }

        Assert.True(killed);
        Assert.Equal(200, (await _db.HeadAsync(auction)).Version);
        Assert.Empty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_unavailable_after_the_timeout()
    {
        var auction = await _db.OpenAsync();
        await _db.SetClockAsync(Start + Hour / 60);
        var bid = await _db.DecideAsync(auction, Proxy("ann", 10_00));
        _postgres.Process.Suspend();
        await SignalBackendsAsync("-STOP");
        try
        {
            await Assert.ThrowsAsync<LedgerUnavailableException>(() => _db.AppendAsync(bid));
            await Assert.ThrowsAsync<LedgerUnavailableException>(
                () => _db.Ledger.ReadHeadAsync(auction, CancellationToken.None));
        }
        finally
        {
            await SignalBackendsAsync("-CONT");
            _postgres.Process.Resume();
        }

        // The first append was sent before the timeout, and may be executed first.
        Assert.True((await AppendAgainAsync(bid))[0].Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere);
    }

    [Fact]
    public async Task After_a_shutdown_the_ledger_is_unavailable_and_the_pool_reconnects_after_a_restart()
    {
        var auction = await _db.OpenAsync();
        await _db.SetClockAsync(Start + Hour / 60);
        await _postgres.Process.StopAsync(PostgresServer.SigInt);
        foreach (var call in (Func<Task>[])
            [
                () => _db.Ledger.ReadHeadAsync(auction, CancellationToken.None),
                () => _db.Ledger.ReadRecentAnswersAsync([auction], 10, CancellationToken.None),
                () => _db.Ledger.FindTermsAsync(auction, "x", CancellationToken.None),
                () => _db.RowAsync(auction),
                () => _db.EntriesAsync(auction),
                () => _db.Waves.ClaimDueAsync(1, [], CancellationToken.None),
                () => _db.Lifecycle.SealAsync(new SealRequest(auction, SealCause.Time), CancellationToken.None),
            ])
        {
            await Assert.ThrowsAsync<LedgerUnavailableException>(call);
        }

        await _postgres.StartAsync();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (await _db.HeadAsync(auction)).Version == 0;
            }
            catch (LedgerUnavailableException)
            {
                return false; // the gate tries the server again within some 1.5 s
            }
        });
    }

    /// <summary>
    /// Repeats the append, as the services do: a pooled connection may be to the server that died, and after a refusal
    /// the gate waits before it tries the server again.
    /// </summary>
    private async Task<AppendResult[]> AppendAgainAsync(params DecidedBid[] bids)
    {
        AppendResult[]? results = null;
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                results = await _db.AppendAsync(bids);
                return true;
            }
            catch (LedgerUnavailableException)
            {
                return false;
            }
        });
        return results!;
    }

    private async Task<long> WaitingCommitsAsync()
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(_postgres.ConnectionString());
        await using var command = source.CreateCommand(
            "select count(*) from pg_stat_activity where wait_event = 'SyncRep'");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Each backend is a child process of the postmaster.</summary>
    private Task SignalBackendsAsync(string signal) => ServerProcess.RunAsync(
        "/bin/sh", "-c",
        $"for pid in $(cat /proc/{_postgres.Process.Id}/task/*/children); do kill {signal} $pid; done");
}

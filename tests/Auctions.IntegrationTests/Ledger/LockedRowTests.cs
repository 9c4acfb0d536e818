using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>An operator's open transaction has locked the rows of some auctions.</summary>
[Collection(PostgresCollection.Name)]
public sealed class LockedRowTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly LedgerDatabase _db = new(postgres);

    public Task InitializeAsync() => _db.InitializeAsync();

    public Task DisposeAsync() => _db.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_bids_of_a_locked_auction_are_busy_and_the_others_are_appended(bool fresh)
    {
        _db.AppendsFresh = fresh;
        var (locked, free) = (await _db.OpenAsync(), await _db.OpenAsync());
        DecidedBid[] bids = [.. await DecideTwoAsync(locked), .. await DecideTwoAsync(free)];

        await using (var row = await RowLock.TakeAsync(_db.ConnectionString, locked))
        {
            Assert.Equal(
                [AppendOutcome.Busy, AppendOutcome.Busy, AppendOutcome.Appended, AppendOutcome.Appended],
                await AppendAsync(bids));
            Assert.Equal(
                [AppendOutcome.Busy, AppendOutcome.Busy, AppendOutcome.AlreadyThere, AppendOutcome.AlreadyThere],
                await AppendAsync(bids));
            await row.CommitAsync();
        }

        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Appended], await AppendAsync(bids[..2]));
        Assert.Empty(await _db.AuditAsync(locked));
        Assert.Equal("Edited", (await _db.RowAsync(locked)).Title);
    }

    [Fact]
    public async Task A_key_that_has_an_answer_gets_it_while_the_auction_is_locked()
    {
        var auction = await _db.OpenAsync();
        var bids = await DecideTwoAsync(auction);
        await _db.AppendAsync(bids);
        var again = await _db.DecideAsync(auction, bids[0].Bid with { });

        await using var row = await RowLock.TakeAsync(_db.ConnectionString, auction);

        Assert.Equal([AppendOutcome.Answered], await AppendAsync(again));
    }

    [Fact]
    public async Task A_waiting_append_joins_the_queue_of_the_lock_and_gives_up_after_some_time()
    {
        var auction = await _db.OpenAsync();
        var bids = await DecideTwoAsync(auction);
        await using var row = await RowLock.TakeAsync(_db.ConnectionString, auction);

        for (var i = 0; i < 3; i++)
        {
            var busy = await _db.Ledger.AppendWaitingAsync(bids, [], CancellationToken.None);
            Assert.All(busy, r => Assert.Equal(AppendOutcome.Busy, r.Outcome));
        }

        await row.CommitAsync();
        AppendResult[] free = [];
        await Eventually.TrueAsync(async () =>
        {
            free = await _db.Ledger.AppendWaitingAsync(bids, [], CancellationToken.None);
            return free[0].Outcome != AppendOutcome.Busy;
        });
        Assert.All(free, r => Assert.Equal(AppendOutcome.Appended, r.Outcome));
        Assert.Equal([AppendOutcome.AlreadyThere, AppendOutcome.AlreadyThere], await AppendAsync(bids));
        Assert.Empty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task The_bids_on_a_missing_auction_are_conflicts_and_not_busy()
    {
        var bids = await DecideTwoAsync(await _db.OpenAsync());
        DecidedBid[] missing = [.. bids.Select(b => b with { AuctionId = Guid.Empty })];

        Assert.Equal([AppendOutcome.Conflict, AppendOutcome.Conflict], await AppendAsync(missing));
        var waited = await _db.Ledger.AppendWaitingAsync(missing, [], CancellationToken.None);
        Assert.All(waited, r => Assert.Equal(AppendOutcome.Conflict, r.Outcome));
    }

    /// <summary>
    /// Without the guard, the entry is inserted while the head stays: the statement waits for the operator, and then
    /// does not find the row at the place where it saw it.
    /// </summary>
    [Fact]
    public async Task An_append_to_a_row_that_is_not_locked_would_break_the_chain()
    {
        var auction = await _db.OpenAsync();
        var bids = await DecideTwoAsync(auction);
        var unguarded = NewLedger(_db.Source, StatementsWithout("locked"));
        await using var row = await RowLock.TakeAsync(_db.ConnectionString, auction);

        var append = unguarded.AppendAsync(bids[..1], [true], [], CancellationToken.None);
        await Eventually.TrueAsync(async () => append.IsCompleted || await WaitingForLocksAsync() == 1);
        await row.CommitAsync();
        Assert.Equal(AppendOutcome.Appended, (await append)[0].Outcome);

        Assert.NotEmpty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task Sealing_leaves_a_locked_auction_alone()
    {
        var (locked, free) = (await _db.OpenAsync(), await _db.OpenAsync());
        await _db.SetClockAsync(Start + Hour);
        SealRequest[] requests = [new(locked, SealCause.Time), new(free, SealCause.Time)];
        await using (var row = await RowLock.TakeAsync(_db.ConnectionString, locked))
        {
            var results = await _db.Lifecycle.SealAsync(requests, CancellationToken.None);

            Assert.Equal([SealOutcome.Busy, SealOutcome.Sealed], results.Select(r => r.Outcome));
            var alone = await _db.Lifecycle.SealAsync(requests[0], CancellationToken.None);
            Assert.Equal(SealOutcome.Busy, alone.Outcome);
        }

        await Eventually.TrueAsync(async () =>
            (await _db.Lifecycle.SealAsync(requests[0], CancellationToken.None)).Outcome == SealOutcome.Sealed);
        Assert.Empty(await _db.AuditAsync(locked));
    }

    [Fact]
    public async Task Starting_leaves_a_locked_auction_alone()
    {
        var terms = VaseTerms with { StartUs = Start + Hour / 2 };
        var (locked, free) = (await _db.OpenAsync(terms), await _db.OpenAsync(terms));
        await _db.SetClockAsync(Start + Hour / 2);
        await using (await RowLock.TakeAsync(_db.ConnectionString, locked))
            Assert.Equal([free], await _db.Waves.StartAsync([locked, free], CancellationToken.None));
        Assert.Equal([locked], await _db.Waves.StartAsync([locked, free], CancellationToken.None));
    }

    [Fact]
    public async Task A_claim_leaves_out_what_is_put_aside()
    {
        var due = new List<Guid>();
        for (var i = 0; i < 5; i++) due.Add(await _db.OpenAsync(endUs: Start + Hour + i));
        await _db.SetClockAsync(Start + 2 * Hour);

        await using var claim = await _db.Waves.ClaimDueAsync(2, due[..3], CancellationToken.None);

        Assert.Equal(due[3..], claim.AuctionIds);
    }

    /// <summary>An accepted bid, and a rejected one that rests on it.</summary>
    private async Task<DecidedBid[]> DecideTwoAsync(Guid auction)
    {
        var head = await _db.HeadAsync(auction);
        var accepted = Decide(auction, head, Proxy("ann", 10_00));
        await _db.AdvanceClockAsync(accepted.DecidedUs);
        return [accepted, Decide(auction, After(head, accepted), Proxy("low", 1))];
    }

    private async Task<IEnumerable<AppendOutcome>> AppendAsync(params DecidedBid[] bids) =>
        (await _db.AppendAsync(bids)).Select(r => r.Outcome);

    private async Task<long> WaitingForLocksAsync()
    {
        await using var command = _db.Source.CreateCommand("""
            select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
            """);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}

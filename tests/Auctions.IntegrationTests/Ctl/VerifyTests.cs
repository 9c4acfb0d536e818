using Auctions.Core;
using Auctions.Ctl;
using Auctions.Ctl.Verify;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Ctl;

/// <summary>
/// auctionctl verify finds nothing wrong in what the ledger wrote, and finds each forged row, record or field in Redis.
/// Each test has its own database.
/// </summary>
public sealed class VerifyTests(PostgresServer postgres, RedisServer redisServer)
    : IClassFixture<PostgresServer>, IClassFixture<RedisServer>, IAsyncLifetime
{
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(300);

    private TestStack _stack = null!;
    private Guid _open, _sealed;

    private LedgerDatabase Ledger => _stack.Database;

    private IDatabase Redis => _stack.RedisClient.GetDatabase();

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(postgres, redisServer);
        _open = await WithBidsAsync();
        _sealed = await WithBidsAsync();
        await Ledger.SealAsync(_sealed, SealCause.Time, LedgerDatabase.Start + LedgerDatabase.Hour);
    }

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task A_ledger_without_forgery_is_clean()
    {
        var report = await VerifyAsync();

        Assert.Empty(report.Violations);
        // In each auction: the opening, three accepted bids, a rejected bid. In one of them: the sealing.
        Assert.Equal((2, 9, 2), (report.Auctions, report.Entries, report.Refusals));
        Assert.Equal(ExitCode.Clean, await RunAsync());
    }

    [Theory]
    [InlineData("I1", "update ledger set price = price + 1 where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set ceiling = 101 where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set leader = 'mallory' where auction_id = '{0}' and version = 3")]
    [InlineData("I1", "update ledger set max = max + 1 where auction_id = '{0}' and version = 3")]
    [InlineData("I1", "update ledger set prev = id where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set status = 'nonsense' where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set price = null where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set max = null where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set reason = null where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "update ledger set reserve_met = not reserve_met where auction_id = '{0}' and version = 1")]
    [InlineData("I1", "delete from ledger where auction_id = '{0}' and version = 2")]
    [InlineData("I1", "delete from ledger where auction_id = '{0}'")]
    [InlineData("I1", "update auctions set price = price + 1 where id = '{0}'")]
    [InlineData("I1", "update auctions set version = version + 1 where id = '{0}'")]
    [InlineData("I1", "update auctions set reserve_met = not reserve_met where id = '{0}'")]
    [InlineData("I1", "update auctions set terms = 'nonsense' where id = '{0}'")]
    [InlineData("I1", "delete from auctions where id = '{0}'")]
    [InlineData("I3", "update ledger set decided_us = end_us where auction_id = '{0}' and version = 3")]
    [InlineData("I3", """
        insert into ledger (auction_id, id, prev, version, kind, origin, terms_digest, decided_us, status, price,
            ceiling, leader, end_us, extensions, bid_count, reserve_met)
        select auction_id, gen_random_uuid(), id, 5, 'started', 'operator', terms_digest, decided_us, status, price,
            ceiling, leader, end_us, extensions, bid_count, reserve_met
        from ledger where auction_id = '{1}' and version = 4
        """)]
    [InlineData("I4", "update ledger set winner = 'mallory' where auction_id = '{1}' and kind = 'sealed'")]
    [InlineData("I4", "update auctions set winner = 'mallory' where id = '{1}'")]
    [InlineData("I4", """
        update auctions set winner = '' where id = '{1}';
        update ledger set winner = '' where auction_id = '{1}' and kind = 'sealed'
        """)]
    [InlineData("I5", "update ledger set reason = 'seller' where auction_id = '{0}' and version is null")]
    [InlineData("I5", "update ledger set basis = 1 where auction_id = '{0}' and version is null")]
    [InlineData("I5", """
        update ledger set key = (select key from ledger where auction_id = '{0}' and version = 2), bidder = 'bob'
        where auction_id = '{0}' and version is null
        """)]
    [InlineData("I6", "update ledger set terms_digest = '0123456789abcdef' where auction_id = '{0}' and version = 2")]
    [InlineData("I6", "update auctions set terms_digest = '0123456789abcdef' where id = '{0}'")]
    [InlineData("I6", "update auctions set opening = opening + 1 where id = '{0}'")]
    [InlineData("I11", """
        update ledger set recorded_at = recorded_at - interval '1 hour' where auction_id = '{0}' and version = 2
        """)]
    [InlineData("I11", """
        update ledger set recorded_at = recorded_at - interval '3 seconds' where auction_id = '{0}' and version is null
        """)]
    public async Task A_forged_record_is_found(string invariant, string forgery)
    {
        await ForgeAsync(string.Format(null, forgery, _open, _sealed));

        Assert.Contains((await VerifyAsync()).Violations, violation => violation.Invariant == invariant);
        Assert.Equal(ExitCode.Broken, await RunAsync());
    }

    [Fact]
    public async Task Records_of_before_are_checked_by_the_rules_of_their_time()
    {
        await ForgeAsync($"update ledger set decided_us = decided_us - 1 where auction_id = '{_open}' and version = 2");
        Assert.Contains((await VerifyAsync()).Violations, violation => violation.Invariant == "I11");

        await ForgeAgainAsync($"update ledger set rules = 1 where auction_id = '{_open}'");
        Assert.Empty((await VerifyAsync()).Violations);
    }

    [Fact]
    public async Task A_purchase_of_before_left_the_auction_active_and_is_clean()
    {
        var terms = LedgerDatabase.VaseTerms with { BuyNow = 90_00 };
        var id = await Ledger.OpenAsync(terms);
        var purchase = new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0);
        await Ledger.AppendAsync(await Ledger.DecideAsync(id, purchase));
        await ForgeAsync($"update auctions set status = 'active' where id = '{id}'; "
            + $"update ledger set status = 'active' where auction_id = '{id}' and version = 1");
        Assert.Contains((await VerifyAsync()).Violations, violation => violation.AuctionId == id.ToString());

        await ForgeAgainAsync($"update ledger set rules = 1 where auction_id = '{id}'");
        Assert.Empty((await VerifyAsync()).Violations);
        await Ledger.SealAsync(id, SealCause.Time, (await Ledger.HeadAsync(id)).State.EndUs);
        var row = await Ledger.RowAsync(id);
        Assert.Equal(("ann", EndReason.BoughtNow), (row.Winner, row.EndReason));
        Assert.Empty((await VerifyAsync()).Violations);
    }

    [Fact]
    public async Task An_auction_long_past_its_end_is_found_but_one_just_past_it_is_not()
    {
        var now = TestStack.NowUs;
        var terms = LedgerDatabase.VaseTerms with { StartUs = now - LedgerDatabase.Hour };
        await Ledger.OpenAsync(terms, endUs: now, createdUs: now - LedgerDatabase.Hour);
        var overdue = await Ledger.OpenAsync(terms, endUs: now - 60_000_000, createdUs: now - LedgerDatabase.Hour);
        await Ledger.SetClockAsync(now + 1_000_000);

        var violation = Assert.Single((await VerifyAsync()).Violations);
        Assert.Equal(("I9", overdue.ToString()), (violation.Invariant, violation.AuctionId));
        Assert.Equal(ExitCode.Broken, await RunAsync());
    }

    [Fact]
    public async Task Redis_that_equals_the_ledger_is_clean()
    {
        await HydrateAsync(_open);

        Assert.Empty((await VerifyAsync()).Violations);
    }

    [Theory]
    [InlineData("price", "999999")]
    [InlineData("ceiling", "1")]
    [InlineData("leader", "mallory")]
    [InlineData("end_us", "9")]
    [InlineData("status", "ended")]
    [InlineData("version", "2")]
    [InlineData("head", "00000000-0000-0000-0000-000000000000")]
    [InlineData("terms", "mallory USD 1 0 0 0 0 0 0 fixed:1")]
    public async Task A_forged_field_in_Redis_is_found(string field, string value)
    {
        await HydrateAsync(_open);
        await Redis.HashSetAsync(Key(_open), field, value);

        var violation = Assert.Single((await VerifyAsync()).Violations);

        Assert.Equal(("I6", _open.ToString()), (violation.Invariant, violation.AuctionId));
        Assert.Contains(field, violation.Detail, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Broken, await RunAsync());
    }

    [Fact]
    public async Task A_missing_field_in_Redis_is_found()
    {
        await HydrateAsync(_open);
        await Redis.HashDeleteAsync(Key(_open), "ceiling");

        Assert.Equal("I6", Assert.Single((await VerifyAsync()).Violations).Invariant);
    }

    [Fact]
    public async Task A_pending_entry_that_is_never_appended_is_found()
    {
        await HydrateAsync(_open);
        await Redis.HashSetAsync(new HotKeys(_open).Pending, "4", "a line");

        Assert.Contains("pending", Assert.Single((await VerifyAsync()).Violations).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redis_that_ran_ahead_gets_time_to_converge()
    {
        await HydrateAsync(_open);
        await Redis.HashSetAsync(Key(_open), "version", "4");
        var check = new RedisConvergenceCheck(
            Ledger.History, Redis, TimeSpan.FromMinutes(1), TimeProvider.System);
        await check.CompareAsync([await ReadHeadAsync(_open)]);
        Assert.Equal(1, check.Diverging);

        var convergence = check.AwaitConvergenceAsync(CancellationToken.None);
        await Redis.HashSetAsync(Key(_open), "version", "3");

        Assert.Empty(await Eventually.EndsAsync(convergence));
    }

    [Theory]
    [InlineData("verify", "--postgres", "Host=127.0.0.1;Port=1;Username=x;Database=x")]
    [InlineData("verify", "--postgres", "no connection string")]
    [InlineData("verify", "--run-dir", "/no/such/directory")]
    [InlineData("verify", "--no-such-option")]
    [InlineData("verify", "--rest", "soon")]
    [InlineData("no-such-command")]
    public async Task A_command_that_cannot_check_is_neither_clean_nor_broken(params string[] args)
    {
        string[] redis = args is ["verify", "--postgres", ..] ? ["--redis", redisServer.Configuration] : [];

        Assert.Equal(ExitCode.NotChecked, await Cli.RunAsync([.. args, .. redis], TimeProvider.System));
    }

    [Fact]
    public async Task An_unreachable_Redis_is_neither_clean_nor_broken()
    {
        Assert.Equal(ExitCode.NotChecked, await Cli.RunAsync(
            [
                "verify", "--postgres", Ledger.ConnectionString,
                "--redis", "127.0.0.1:1,connectTimeout=500,connectRetry=1",
            ],
            TimeProvider.System));
    }

    private static RedisKey Key(Guid auctionId) => new HotKeys(auctionId).Auction;

    /// <summary>An auction with three accepted bids, one of them outbid at once, and a rejected one.</summary>
    private async Task<Guid> WithBidsAsync()
    {
        var id = await Ledger.OpenAsync();
        foreach (var (bidder, max) in ((string, long)[])[("ann", 1000), ("bob", 500), ("eve", 2000), ("bob", 700)])
            await Ledger.AppendAsync(await Ledger.DecideAsync(id, LedgerDatabase.Proxy(bidder, max)));
        return id;
    }

    private Task<int> RunAsync() => Cli.RunAsync(
        [
            "verify", "--json", "--rest", "300ms", "--postgres", Ledger.ConnectionString,
            "--redis", redisServer.Configuration,
        ],
        TimeProvider.System);

    private Task<VerifyReport> VerifyAsync()
    {
        var verification = new Verification(Ledger.Source, Redis, Rest, TimeProvider.System);
        return verification.RunAsync(CancellationToken.None);
    }

    /// <summary>Makes a change that the ledger's guards forbid, with triggers and constraints switched off.</summary>
    private Task ForgeAsync(string sql) => Ledger.ByHandAsync(
        $"drop publication auctions; drop index ledger_answers; set session_replication_role = replica; {sql}");

    private Task ForgeAgainAsync(string sql) => Ledger.ByHandAsync($"set session_replication_role = replica; {sql}");

    private async Task HydrateAsync(Guid auctionId)
    {
        var head = await ReadHeadAsync(auctionId);
        var fields = RedisAuction.FieldsOf(head).Select(field => new HashEntry(field.Field, field.Value));
        await Redis.HashSetAsync(Key(auctionId), [.. fields]);
    }

    private async Task<StoredHead> ReadHeadAsync(Guid auctionId) => (await Ledger.RowAsync(auctionId)).Stored;
}

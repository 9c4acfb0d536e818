using System.Globalization;
using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Npgsql;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>Changes that an operator makes with psql, without the services.</summary>
[Collection(PostgresCollection.Name)]
public sealed class AnyPathTests(LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    [Fact]
    public async Task A_manual_change_of_the_state_becomes_an_entry_and_the_head()
    {
        var auction = await db.OpenAsync();
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        var decidedBefore = await db.DecideAsync(auction, Proxy("bob", 20_00));

        await db.ByHandAsync($"update auctions set end_us = end_us + 1000000 where id = '{auction}'");

        var row = await db.RowAsync(auction);
        var entry = (await db.EntriesAsync(auction))[^1];
        Assert.Equal((2, 2), (row.Head.Version, row.OutsideVersion));
        Assert.Equal((EntryKind.Amended, row.Head.EntryId, row.Head.State), (entry.Kind, entry.Id, entry.After));
        Assert.Equal(Start + Hour + 1_000_000, entry.After.EndUs);
        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(decidedBefore));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(await db.DecideAsync(auction, decidedBefore.Bid)));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_manual_change_is_later_than_the_entry_before_it_whatever_the_clock_says()
    {
        var auction = await db.OpenAsync();
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00), Start + Hour / 2));
        await db.SetClockAsync(Start + 1);
        await db.ByHandAsync($"update auctions set end_us = end_us + 1 where id = '{auction}'");
        await db.ByHandAsync($"update auctions set status = 'cancelled' where id = '{auction}'");

        Assert.Equal([Start + Hour / 2 + 1, Start + Hour / 2 + 2],
            (await db.EntriesAsync(auction)).Skip(2).Select(e => e.DecidedUs));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Theory]
    [InlineData("status = 'active'")]
    [InlineData("status = 'cancelled'")]
    [InlineData("end_us = end_us + 1")]
    [InlineData("leader = 'me'")]
    [InlineData("reserve = 1")]
    public async Task A_purchase_cannot_be_undone_manually(string change)
    {
        var auction = await db.OpenAsync(VaseTerms with { BuyNow = 30_00 });
        await db.AppendAsync(
            await db.DecideAsync(auction, new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0)));
        var error = await Assert.ThrowsAsync<PostgresException>(
            () => db.ByHandAsync($"update auctions set {change} where id = '{auction}'"));
        Assert.Contains("is bought: a purchase is final", error.MessageText, StringComparison.Ordinal);
        Assert.Equal(AuctionStatus.Bought, (await db.HeadAsync(auction)).State.Status);
        await db.ByHandAsync($"update auctions set title = 'Bought' where id = '{auction}'");
    }

    [Fact]
    public async Task A_manual_change_of_the_terms_becomes_an_entry_with_the_new_terms()
    {
        var auction = await db.OpenAsync();

        await db.ByHandAsync($"update auctions set opening = 500, increment = 'bps:1000' where id = '{auction}'");

        var terms = VaseTerms with { Opening = 5_00, Increment = new Increment.BasisPoints(1000) };
        Assert.Equal(terms, (await db.HeadAsync(auction)).Terms);
        Assert.Equal(terms, (await db.EntriesAsync(auction))[^1].Terms);
        var bid = await db.DecideAsync(auction, Proxy("ann", 10_00));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(bid));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_manual_change_of_the_texts_is_not_an_entry()
    {
        var auction = await db.OpenAsync();
        await db.ByHandAsync(
            $"update auctions set title = 'A better vase', media_urls = '{{a,b}}' where id = '{auction}'");

        var row = await db.RowAsync(auction);
        Assert.Equal(("A better vase", 0), (row.Title, row.Head.Version));
        Assert.Equal(["a", "b"], row.MediaUrls);
    }

    [Fact]
    public async Task An_auction_that_is_cancelled_manually_is_sealed_without_a_winner()
    {
        var auction = await db.OpenAsync();
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        await db.ByHandAsync(
            $"update auctions set status = 'cancelled', cancel_reason = 'fraud' where id = '{auction}'");

        var entry = (await db.EntriesAsync(auction))[^1];
        Assert.Equal((EntryKind.Sealed, AuctionStatus.Cancelled, ""), (entry.Kind, entry.After.Status, entry.Winner));
        var stillActive = (await db.HeadAsync(auction)) with
        {
            State = entry.After with { Status = AuctionStatus.Active },
        };
        var late = Decide(auction, stillActive, Proxy("bob", 20_00));
        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(late));
    }

    [Theory]
    [InlineData("version = version + 1")]
    [InlineData("head = gen_random_uuid()")]
    [InlineData("outside_version = 7")]
    [InlineData("decided_us = 7")]
    [InlineData("winner = 'me'")]
    [InlineData("end_reason = 'time'")]
    [InlineData("id = gen_random_uuid()")]
    [InlineData("status = 'ended'")]
    [InlineData("status = 'bought'")]
    public async Task Columns_of_the_ledger_cannot_be_set_manually(string change)
    {
        var auction = await db.OpenAsync();
        var error = await Assert.ThrowsAsync<PostgresException>(
            () => db.ByHandAsync($"update auctions set {change} where id = '{auction}'"));
        Assert.StartsWith("23", error.SqlState, StringComparison.Ordinal);
        Assert.Equal(0, (await db.HeadAsync(auction)).Version);
    }

    /// <summary>
    /// A trigger or a type checks it. Postgres would parse check constraints of the table again for every append.
    /// </summary>
    [Theory]
    [InlineData("opening", "0", "opening is 0, and must be from 1 to 2^53 - 1")]
    [InlineData("opening", "9007199254740992", "opening is 9007199254740992, and must be from 1 to 2^53 - 1")]
    [InlineData("reserve", "-1", "reserve is -1, and must be from 0 to 2^53 - 1")]
    [InlineData("reserve", "9007199254740992", "reserve is 9007199254740992, and must be from 0 to 2^53 - 1")]
    [InlineData("buy_now", "-1", "buy_now is -1, and must be from 0 to 2^53 - 1")]
    [InlineData("buy_now", "9007199254740992", "buy_now is 9007199254740992, and must be from 0 to 2^53 - 1")]
    [InlineData("soft_close_window_us", "-1", "soft_close_window_us is -1, and must be from 0 to 2^52 - 1")]
    [InlineData("soft_close_extension_us", "-1", "soft_close_extension_us is -1, and must be from 0 to 2^52 - 1")]
    [InlineData("max_extensions", "-1", "max_extensions is -1, and must be 0 or more")]
    [InlineData("start_us", "original_end_us", "start_us is {0}, and must be less than original_end_us, which is {0}")]
    [InlineData("status", "'paused'", "value for domain auction_status violates check constraint")]
    [InlineData("end_reason", "'bored'", "value for domain end_cause violates check constraint")]
    [InlineData("seller_id", "'a b'", "value for domain subject violates check constraint")]
    [InlineData("currency", "'usd'", "value for domain currency_code violates check constraint")]
    [InlineData("increment", "'bps:20000'", "increment is 'bps:20000', and must be an increment such as fixed:100")]
    [InlineData("currency", "'ZZZ'", "currency is 'ZZZ', and must be a currency of ISO 4217")]
    [InlineData("increment", "'some:1'", "value for domain increment_rule violates check constraint")]
    public async Task An_invalid_value_is_an_error_that_names_the_rule_for_every_writer(
        string column, string value, string rule)
    {
        var auction = await db.OpenAsync();
        foreach (var writer in (string[])["ledger", "lifecycle", "somebody"])
        {
            var error = await Assert.ThrowsAsync<PostgresException>(() => db.ByHandAsync(
                $"set auctions.writer = '{writer}'; update auctions set {column} = {value} where id = '{auction}'"));
            Assert.Equal(PostgresErrorCodes.CheckViolation, error.SqlState);
            var message = string.Format(CultureInfo.InvariantCulture, rule, Start + Hour);
            Assert.Contains(message, error.MessageText, StringComparison.Ordinal);
        }

        Assert.Equal(0, (await db.HeadAsync(auction)).Version);
    }

    [Fact]
    public async Task A_sealed_auction_keeps_its_state_and_its_terms()
    {
        var auction = await db.OpenAsync();
        await db.SealAsync(auction, SealCause.Time, Start + Hour);

        foreach (var change in (string[])
            [
                "price = 7", "leader = 'me'", "end_us = end_us + 1", "reserve = 1", "status = 'active'",
                "status = 'cancelled'",
            ])
        {
            await Assert.ThrowsAsync<PostgresException>(
                () => db.ByHandAsync($"update auctions set {change} where id = '{auction}'"));
        }

        await db.ByHandAsync($"update auctions set title = 'Sold' where id = '{auction}'");
        Assert.Equal(1, (await db.HeadAsync(auction)).Version);
    }

    [Fact]
    public async Task An_auction_that_is_inserted_manually_has_an_opening_entry_and_takes_bids()
    {
        await db.SetClockAsync(Start);
        var auction = Guid.NewGuid();
        var error = await Assert.ThrowsAsync<PostgresException>(() => InsertAsync(opening: 0));
        Assert.Equal(PostgresErrorCodes.CheckViolation, error.SqlState);
        await InsertAsync(opening: 100);

        var opened = new AuctionState(AuctionStatus.Active, 0, 0, "", Start + Hour, 0, 0);
        Assert.Equal(opened, (await db.HeadAsync(auction)).State);
        var bid = await db.DecideAsync(auction, Proxy("ann", 10_00));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(bid));
        Assert.Empty(await db.AuditAsync(auction));

        Task InsertAsync(long opening) => db.ByHandAsync($"""
            insert into auctions (id, seller_id, title, currency, opening, increment, start_us, original_end_us,
                created_us, price, version, status, winner)
            values ('{auction}', 'seller', 'By hand', 'USD', {opening}, 'fixed:100', {Start}, {Start + Hour},
                {Start}, 77, 9, 'ended', 'me')
            """);
    }

    /// <summary>An update fails for a second reason: the ledger is published without a replica identity.</summary>
    [Theory]
    [InlineData("update ledger set price = 1")]
    [InlineData("alter publication auctions drop table ledger; update ledger set price = 1")]
    [InlineData("delete from ledger")]
    [InlineData("truncate ledger")]
    [InlineData("delete from auctions")]
    [InlineData("truncate auctions cascade")]
    public async Task The_ledger_is_append_only_and_auctions_cannot_be_deleted(string statement)
    {
        await db.OpenAsync();
        await Assert.ThrowsAsync<PostgresException>(() => db.ByHandAsync(statement));
        await using var byService = db.Source.CreateCommand(statement);
        await Assert.ThrowsAsync<PostgresException>(() => byService.ExecuteNonQueryAsync());
    }

    [Theory]
    [InlineData("fixed:100")]
    [InlineData("bps:250")]
    [InlineData("ladder:two-steps:0=5,100=25")]
    public async Task Postgres_and_Core_write_the_same_terms_and_digest(string increment)
    {
        var terms = new Terms("s!~", "JPY", 1, Currency.MaxAmount, 2, Increment.Parse(increment),
            new SoftClose(1, 2, 3), Start - 1);
        var auction = await db.OpenAsync(terms);

        await using var command = db.Source.CreateCommand(
            $"select terms || '|' || terms_digest from auctions where id = '{auction}'");
        Assert.Equal($"{terms.Line}|{terms.Digest}", await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task The_publication_contains_no_secret()
    {
        await using var command = db.Source.CreateCommand("""
            select tablename || ': ' || array_to_string(attnames, ' ')
            from pg_publication_tables where pubname = 'auctions' order by 1
            """);
        await using var rows = await command.ExecuteReaderAsync();
        var published = new List<string>();
        while (await rows.ReadAsync()) published.Add(rows.GetString(0));

        Assert.Equal(
            [
                "auctions: id seller_id title description media_urls category post_id currency opening buy_now "
                + "increment soft_close_window_us soft_close_extension_us max_extensions start_us original_end_us "
                + "created_us version head status price leader end_us extensions bid_count reserve_met decided_us "
                + "outside_version winner end_reason",
                "ledger: auction_id id prev version basis kind origin bid_kind bidder currency offered outcome reason "
                + "decided_us recorded_at status price leader end_us extensions bid_count reserve_met winner "
                + "end_reason",
            ],
            published);
    }
}

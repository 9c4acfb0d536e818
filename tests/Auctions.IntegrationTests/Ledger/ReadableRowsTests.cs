using System.Globalization;
using Auctions.Core;
using Auctions.Ctl;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Npgsql;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>
/// What somebody sets by hand is what <c>Auctions.Core</c> can read, and the other way round. A row of before may be
/// worse: it is shown, reported and sealed.
/// </summary>
[Collection(PostgresCollection.Name)]
public sealed class ReadableRowsTests(LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Postgres_accepts_an_inserted_row_exactly_if_Core_can_read_it(int seed)
    {
        var random = new RandomRow(seed);
        var counts = new Counts();
        for (var i = 0; i < 600; i++)
        {
            var row = random.NewRow();
            var fault = await SetAsync(row.Insert());
            counts.Add(row.IsReadable(), fault, $"seed {seed}, row {i}: {row}");
            if (fault is null) Assert.Null((await db.RowAsync(row.Id)).Fault);
        }

        counts.AssertBoth();
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Postgres_accepts_an_update_exactly_if_Core_can_read_the_new_row(int seed)
    {
        var random = new RandomRow(seed);
        var counts = new Counts();
        for (var i = 0; i < 600; i++)
        {
            var row = random.ChangeOf(await db.OpenAsync());
            var fault = await SetAsync(row.Update());
            counts.Add(row.IsReadable() && row.IsPossible(), fault, $"seed {seed}, row {i}: {row}");
            if (fault is null) Assert.Null((await db.RowAsync(row.Id)).Fault);
        }

        counts.AssertBoth();
    }

    [Theory]
    [InlineData(5)]
    public async Task Postgres_and_Core_agree_on_every_increment(int seed)
    {
        var random = new Random(seed);
        await using var command = db.Source.CreateCommand("select is_increment(t) from unnest($1::text[]) t");
        string[] texts = [.. Enumerable.Range(0, 20_000).Select(_ => RandomRow.Increment(random))];
        command.Parameters.Add(new NpgsqlParameter { Value = texts });
        await using var rows = await command.ExecuteReaderAsync();
        var readable = 0;
        foreach (var text in texts)
        {
            Assert.True(await rows.ReadAsync());
            var expected = RandomRow.Reads(() => Increment.Parse(text));
            Assert.True(expected == rows.GetBoolean(0), $"seed {seed}: '{text}', Core reads it: {expected}");
            if (expected) readable++;
        }

        Assert.InRange(readable, 1_000, 19_000);
    }

    [Fact]
    public async Task Postgres_and_Core_have_the_same_currencies()
    {
        await using var command = db.Source.CreateCommand("""
            select string_agg(code, ' ' order by code collate "C")
            from (select chr(a) || chr(b) || chr(c) as code
              from generate_series(65, 90) a, generate_series(65, 90) b, generate_series(65, 90) c) all_codes
            where is_currency(code)
            """);
        Assert.Equal(
            string.Join(' ', Currency.All.Select(c => c.Code).Order(StringComparer.Ordinal)),
            await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task A_row_of_before_can_be_corrected_and_its_other_columns_can_be_changed()
    {
        var auction = await db.OpenAsync();
        await db.DamageAsync(auction, "increment = 'bps:20000'");

        await db.ByHandAsync($"update auctions set title = 'Still a vase', end_us = end_us + 1 where id = '{auction}'");
        Assert.Equal("Still a vase", (await db.RowAsync(auction)).Title);
        await db.ByHandAsync($"update auctions set increment = 'bps:2000' where id = '{auction}'");
        Assert.Null((await db.RowAsync(auction)).Fault);
    }

    [Theory]
    [InlineData("increment = 'bps:20000'", "ann")] // the bids were accepted: their leader wins
    [InlineData("currency = 'ZZZ'", "ann")]
    [InlineData("reserve = -1", "")]
    [InlineData("price = -5", "")]
    [InlineData("price = 500, ceiling = 400", "")]
    [InlineData("leader = 'not a name'", "")]
    [InlineData("leader = 'seller'", "")]
    [InlineData("bid_count = 0", "")]
    public async Task A_row_of_before_is_named_by_verify_and_sealed_without_a_winner_from_nonsense(
        string damage, string winner)
    {
        var auction = await db.OpenAsync();
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        await db.DamageAsync(auction, damage);

        var found = new List<Violation>();
        var intact = await db.OpenAsync();
        var count = await db.History.AuditAsync(
            [auction, intact], a => found.AddRange(Auctions.Ctl.Verify.AuctionCheck.Of(a)), CancellationToken.None);
        Assert.Equal(2, count);
        Assert.Contains(found, v => v.AuctionId == auction.ToString() && v.Invariant == "I1");

        var result = await db.SealAsync(auction, SealCause.Time, Start + Hour);
        var row = result.Auction!;
        Assert.Equal((SealOutcome.Sealed, true, winner), (result.Outcome, row.IsOver, row.Winner));
        Assert.Equal(SealOutcome.AlreadyOver, (await db.SealAsync(auction, SealCause.Time, Start + Hour)).Outcome);
    }

    [Theory]
    [InlineData("increment = 'bps:20000'")]
    [InlineData("leader = 'not a name'")]
    public async Task A_row_of_before_can_be_cancelled_by_hand(string damage)
    {
        var auction = await db.OpenAsync();
        await db.DamageAsync(auction, damage);
        await db.ByHandAsync($"update auctions set status = 'cancelled' where id = '{auction}'");
        Assert.Equal("cancelled", (await db.RowAsync(auction)).Stored.State.Status);
    }

    /// <returns>The error of Postgres; null if it took the row.</returns>
    private async Task<string?> SetAsync((string Sql, object[] Values) statement)
    {
        await using var connection = new NpgsqlConnection(db.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(statement.Sql, connection);
        foreach (var value in statement.Values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        try
        {
            await command.ExecuteNonQueryAsync();
            return null;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CheckViolation)
        {
            return e.MessageText;
        }
    }

    private sealed class Counts
    {
        private int _accepted, _refused;

        public void Add(bool expected, string? fault, string row)
        {
            Assert.True(expected == fault is null, $"{row}: Core reads it: {expected}; Postgres: {fault ?? "yes"}");
            if (expected) _accepted++;
            else _refused++;
        }

        /// <summary>A test whose rows are all of one kind would compare nothing.</summary>
        public void AssertBoth()
        {
            Assert.True(_accepted >= 60, $"{_accepted} accepted");
            Assert.True(_refused >= 60, $"{_refused} refused");
        }
    }
}

/// <summary>
/// The columns that a hand may set, with values near the bounds of every rule. A row starts from a good one; a few
/// columns are changed.
/// </summary>
internal sealed class RandomRow(int seed)
{
    private const long Max = Currency.MaxAmount, TimeMax = StoredValues.TimeMaxUs;

    private static readonly long[] Numbers =
        [long.MinValue, -1, 0, 1, 2, 100, 101, Max - 1, Max, Max + 1, TimeMax, TimeMax + 1, long.MaxValue];

    private static readonly long[] Times =
        [long.MinValue, -1, 0, 1, Start - 1, Start, Start + 1, Start + Hour, TimeMax, TimeMax + 1, Max, long.MaxValue];

    private static readonly string[] Users =
        ["", "ann", "seller", "a b", "ü", "a\nb", new('x', 128), new('x', 129), "!", "~", "\u007f"];

    private readonly Random _random = new(seed);

    /// <summary>A row to insert. What an inserter says about the state counts for nothing.</summary>
    public Row NewRow()
    {
        var row = new Row { Id = _random.Next(20) == 0 ? Guid.Empty : Guid.NewGuid() };
        for (var changes = _random.Next(4); changes > 0; changes--) Change(row, state: false);
        return row;
    }

    public Row ChangeOf(Guid auction)
    {
        var row = new Row { Id = auction };
        var changes = _random.Next(1, 4);
        if (_random.Next(2) == 0) SetBids(row); // the columns of the state only make sense together
        for (; changes > 0; changes--) Change(row, state: true);
        return row;
    }

    private void SetBids(Row row)
    {
        var price = _random.NextInt64(1, 1_000);
        row["price"] = price;
        row["ceiling"] = price + _random.Next(3);
        row["leader"] = "ann";
        row["bid_count"] = (long)_random.Next(1, 4);
    }

    private void Change(Row row, bool state)
    {
        string[] columns = state
            ? [.. Row.Terms, .. Row.Texts, .. Row.State, .. Row.State]
            : [.. Row.Terms, .. Row.Texts, "created_us"];
        var column = columns[_random.Next(columns.Length)];
        row[column] = column switch
        {
            "seller_id" or "leader" => Pick(Users),
            "currency" => Pick("USD", "JPY", "BGN", "XAU", "usd", "US", "ZZZ", "", "CLF"),
            "increment" => Increment(_random),
            "max_extensions" or "extensions" => (int)Pick(int.MinValue, -1, 0, 1, int.MaxValue),
            "start_us" or "original_end_us" or "created_us" or "end_us" => Pick(Times),
            "status" => Pick("scheduled", "active", "cancelled", "paused", ""),
            "media_urls" => Urls(),
            "title" or "description" or "category" or "post_id" or "cancel_reason" => Text(),
            _ => Pick(Numbers),
        };
    }

    private T Pick<T>(params T[] values) => values[_random.Next(values.Length)];

    private string Text() => new(
        Pick('x', 'é', '字', '\u200b'), Pick(0, 1, 500, 800, 801, 1024, 1025, 1601, 4001, 60_000, 160_001));

    private string?[] Urls() =>
        [.. Enumerable.Range(0, Pick(0, 1, 20, 21)).Select(_ => _random.Next(40) switch
        {
            0 => null,
            1 => new string('u', 2_049),
            _ => "https://example.org/a",
        })];

    /// <summary>A text that is an increment, or nearly one.</summary>
    public static string Increment(Random random)
    {
        var amount = Number();
        var text = random.Next(3) switch
        {
            0 => $"fixed:{amount}",
            1 => FormattableString.Invariant($"bps:{random.Next(-1, 20_001)}"),
            _ => "ladder:" + PickOf("x", "ebay-us", "", "a b", "ü", "A-1") + ":"
                + string.Join(',', Enumerable.Range(0, random.Next(1, 5)).Select(i =>
                    (random.Next(8) == 0 ? Number() : i == 0 ? "0" : $"{i * 100}") + "=" + Number())),
        };
        return random.Next(8) != 0 ? text : random.Next(4) switch
        {
            0 => text + PickOf(" ", ",", ":", "=", "\n", "0"),
            1 => text.Remove(random.Next(text.Length), 1),
            2 => text.Insert(random.Next(text.Length), PickOf("0", "1", ",", "=", ":", "-", "٣")),
            _ => text + string.Concat(Enumerable.Range(1, random.Next(500)).Select(i => $",{i * 1_000}=5")),
        };

        string Number() => random.Next(6) == 0
            ? PickOf("0", "-1", "01", "+1", "1.5", "", "9007199254740991", "9007199254740992", "99999999999999999999")
            : random.NextInt64(1, 100_000).ToString(CultureInfo.InvariantCulture);

        string PickOf(params string[] values) => values[random.Next(values.Length)];
    }

    public static bool Reads(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>The columns of a row that are set, on top of those of a good row.</summary>
    internal sealed class Row
    {
        public static readonly string[] Terms =
        [
            "seller_id", "currency", "opening", "reserve", "buy_now", "increment", "soft_close_window_us",
            "soft_close_extension_us", "max_extensions", "start_us", "original_end_us",
        ];

        public static readonly string[] Texts = ["title", "description", "media_urls", "category", "post_id"];

        public static readonly string[] State =
            ["status", "price", "ceiling", "leader", "end_us", "extensions", "bid_count", "cancel_reason"];

        private readonly Dictionary<string, object> _set = [];

        private readonly Dictionary<string, object> _good = new()
        {
            ["seller_id"] = "seller",
            ["currency"] = "USD",
            ["opening"] = 1_00L,
            ["reserve"] = 0L,
            ["buy_now"] = 0L,
            ["increment"] = "fixed:100",
            ["soft_close_window_us"] = 0L,
            ["soft_close_extension_us"] = 0L,
            ["max_extensions"] = 0,
            ["start_us"] = Start,
            ["original_end_us"] = Start + Hour,
            ["created_us"] = Start,
            ["title"] = "A vase",
            ["description"] = "",
            ["media_urls"] = Array.Empty<string>(),
            ["category"] = "",
            ["post_id"] = "",
            ["cancel_reason"] = "",
            ["status"] = "active",
            ["price"] = 0L,
            ["ceiling"] = 0L,
            ["leader"] = "",
            ["end_us"] = Start + Hour,
            ["extensions"] = 0,
            ["bid_count"] = 0L,
        };

        public Guid Id { get; init; }

        public object this[string column]
        {
            get => _set.GetValueOrDefault(column) ?? _good[column];
            set => _set[column] = value;
        }

        public (string Sql, object[] Values) Insert()
        {
            string[] needed =
                ["seller_id", "title", "currency", "opening", "increment", "start_us", "original_end_us", "created_us"];
            string[] columns = [.. _set.Keys.Union(needed)];
            var places = string.Join(", ", columns.Select((_, i) => $"${i + 1}"));
            return ($"insert into auctions (id, {string.Join(", ", columns)}) values ('{Id}', {places})",
                [.. columns.Select(column => this[column])]);
        }

        public (string Sql, object[] Values) Update()
        {
            var changes = string.Join(", ", _set.Keys.Select((column, i) => $"{column} = ${i + 1}"));
            return ($"update auctions set {changes} where id = '{Id}'", [.. _set.Values]);
        }

        private T Of<T>(string column) => (T)this[column];

        /// <summary>Whether Core reads the terms, the times and the texts.</summary>
        public bool IsReadable() => Id != Guid.Empty && Reads(() =>
        {
            Core.Terms.Parse(FormattableString.Invariant(
                $"{this["seller_id"]} {this["currency"]} {this["opening"]} {this["reserve"]} {this["buy_now"]} ")
                + FormattableString.Invariant(
                    $"{this["soft_close_window_us"]} {this["soft_close_extension_us"]} {this["max_extensions"]} ")
                + FormattableString.Invariant($"{this["start_us"]} {this["increment"]}"));
            StoredValues.CheckTimes(Of<long>("start_us"), Of<long>("original_end_us"), Of<long>("created_us"));
            AuctionTexts.CheckSizes(
                Of<string>("title"), Of<string>("description"), Of<string?[]>("media_urls"), Of<string>("category"),
                Of<string>("post_id"), Of<string>("cancel_reason"));
        });

        /// <summary>Whether Core says that bids could leave the state.</summary>
        public bool IsPossible() => Reads(() => StoredValues.CheckState(Of<string>("seller_id"), new AuctionState(
            EnumText.Parse<AuctionStatus>(Of<string>("status")), Of<long>("price"), Of<long>("ceiling"),
            Of<string>("leader"), Of<long>("end_us"), Of<int>("extensions"), Of<long>("bid_count"))));

        public override string ToString() => string.Join(", ", _set.Select(c => $"{c.Key} = {Shown(c.Value)}"));

        private static string Shown(object value) => value switch
        {
            string { Length: > 60 } text => $"{text[..60]}… ({text.Length})",
            Array urls => $"{urls.Length} urls",
            _ => FormattableString.Invariant($"{value}"),
        };
    }
}

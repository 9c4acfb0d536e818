using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>A migrated database, and what the tests do with the ledger in it.</summary>
public sealed class LedgerDatabase(PostgresServer postgres) : IAsyncLifetime
{
    /// <summary>The start of most auctions, microseconds since 1970.</summary>
    public const long Start = 1_800_000_000_000_000;

    public const long Hour = 3_600_000_000;

    /// <summary>All SQL reads the time from now_us() and begun_us(). Here, a test can set it in a table.</summary>
    private const string TestClock = """
        create table test_clock (us bigint);
        create or replace function now_us() returns bigint language sql volatile parallel safe
          return coalesce((select us from test_clock), (extract(epoch from clock_timestamp()) * 1000000)::bigint);
        create or replace function begun_us() returns bigint language sql stable parallel safe
          return coalesce((select us from test_clock), (extract(epoch from now()) * 1000000)::bigint);
        alter table ledger alter recorded_at set default timestamptz 'epoch' + now_us() * interval '1 microsecond';
        """;

    /// <summary>Where the ledger's clock stands; the greatest number while it runs.</summary>
    private long _clockUs = long.MaxValue;

    public string ConnectionString { get; private set; } = "";
    public NpgsqlDataSource Source { get; private set; } = null!;
    public PostgresLedger Ledger { get; private set; } = null!;
    public LedgerLifecycle Lifecycle { get; private set; } = null!;
    public LedgerWaves Waves { get; private set; } = null!;
    public LedgerHistory History { get; private set; } = null!;

    public static Terms VaseTerms { get; } =
        new("seller", "USD", 1_00, 0, 0, new Increment.Fixed(1_00), SoftClose.None, Start);

    /// <summary>More settings of the connection string.</summary>
    public string Settings { get; init; } = "";

    public async Task InitializeAsync()
    {
        ConnectionString = await postgres.CopyDatabaseAsync(MigrateAsync) + Settings;
        Source = LedgerDataSource.Create(ConnectionString);
        Ledger = NewLedger(Source, new LedgerStatements());
        Lifecycle = NewLifecycle(Source, new LedgerStatements());
        Waves = new LedgerWaves(LedgerPools.Of(Source), new LedgerStatements());
        History = new LedgerHistory(LedgerPools.Of(Source), new LedgerStatements());
    }

    private static async Task MigrateAsync(string connectionString)
    {
        await using var source = LedgerDataSource.Create(connectionString);
        await Migrations.OfThisVersion(source, NullLogger<Migrations>.Instance).RunAsync(CancellationToken.None);
        await PostgresServer.ExecuteAsync(connectionString, TestClock);
    }

    internal static PostgresLedger NewLedger(NpgsqlDataSource source, LedgerStatements statements) =>
        new(LedgerPools.Of(source), statements, NewLocks(source, statements), NullLogger<PostgresLedger>.Instance);

    internal static LedgerLifecycle NewLifecycle(NpgsqlDataSource source, LedgerStatements statements) =>
        new(LedgerPools.Of(source), statements, NewLocks(source, statements));

    private static RowLocks NewLocks(NpgsqlDataSource source, LedgerStatements statements) =>
        new(LedgerPools.Of(source), statements, TimeProvider.System);

    /// <summary>The statements without the line of one guard.</summary>
    internal static LedgerStatements StatementsWithout(string guard)
    {
        var all = new LedgerStatements();
        return all with
        {
            Append = Cut(all.Append),
            RecordRejections = Cut(all.RecordRejections),
            Seal = Cut(all.Seal),
            Start = Cut(all.Start),
        };

        string Cut(string sql) => string.Join(
            '\n', sql.Split('\n').Where(line => !line.EndsWith($"-- guard: {guard}", StringComparison.Ordinal)));
    }

    /// <summary>Stops the ledger's clock at this time.</summary>
    public Task SetClockAsync(long us)
    {
        _clockUs = us;
        return ByHandAsync($"delete from test_clock; insert into test_clock values ({us})");
    }

    /// <summary>Moves the ledger's clock, where it stands, forward to this time.</summary>
    public Task AdvanceClockAsync(long us) => us > _clockUs ? SetClockAsync(us) : Task.CompletedTask;

    /// <summary>Seals an auction at this time.</summary>
    public async Task<SealResult> SealAsync(Guid auctionId, SealCause cause, long atUs, string reason = "")
    {
        await SetClockAsync(atUs);
        return await Lifecycle.SealAsync(new SealRequest(auctionId, cause, reason), CancellationToken.None);
    }

    /// <summary>Amends an auction at this time.</summary>
    public async Task<AmendResult> AmendAsync(Guid auctionId, long expectedVersion, Amendment amendment, long atUs)
    {
        await SetClockAsync(atUs);
        return await Lifecycle.AmendAsync(auctionId, expectedVersion, amendment, CancellationToken.None);
    }

    /// <summary>An auction of one hour that begins at <see cref="Start"/>.</summary>
    /// <param name="createdUs">The ledger's clock at its creation, which then stands; null = as it is.</param>
    public async Task<Guid> OpenAsync(Terms? terms = null, long endUs = Start + Hour, long? createdUs = Start)
    {
        if (createdUs is { } us) await SetClockAsync(us);
        var auction = new NewAuction(
            Guid.NewGuid(), Guid.NewGuid(), "digest", "A vase", "", [], "", "", terms ?? VaseTerms, endUs,
            StartsAtOnce: false);
        return (await Lifecycle.CreateAsync(auction, CancellationToken.None)).Auction.Id;
    }

    public async Task<Head> HeadAsync(Guid auctionId) =>
        await Ledger.ReadHeadAsync(auctionId, CancellationToken.None) ?? throw Missing(auctionId);

    /// <summary>Decides a bid on a head, by default a minute after the start.</summary>
    public static DecidedBid Decide(Guid auctionId, Head head, Bid bid, long atUs = Start + Hour / 60) =>
        DecidedBid.Decide(auctionId, head, Guid.NewGuid(), bid, atUs);

    /// <summary>The head after a bid.</summary>
    public static Head After(Head head, DecidedBid bid) => head.After(bid);

    public async Task<DecidedBid> DecideAsync(Guid auctionId, Bid bid, long atUs = Start + Hour / 60) =>
        Decide(auctionId, await HeadAsync(auctionId), bid, atUs);

    public static Bid Proxy(string bidder, long max) => new(bidder, Guid.NewGuid(), BidKind.Proxy, "USD", 0, max);

    /// <summary>Whether all bids are appended as fresh ones, which may be wrong.</summary>
    public bool AppendsFresh { get; set; }

    /// <summary>Appends bids when the last of them has been decided.</summary>
    public async Task<AppendResult[]> AppendAsync(params DecidedBid[] bids)
    {
        await AdvanceClockAsync(bids.Max(b => b.DecidedUs));
        return await Ledger.AppendAsync(
            bids, AppendsFresh ? [.. bids.Select(_ => true)] : [], agesUs: [], CancellationToken.None);
    }

    public async Task<AppendOutcome> AppendOneAsync(DecidedBid bid) => (await AppendAsync(bid))[0].Outcome;

    /// <summary>Runs SQL as an operator with psql: without the settings of the services' connections.</summary>
    public Task ByHandAsync(string sql) => PostgresServer.ExecuteAsync(ConnectionString, sql);

    /// <summary>Sets columns as it was possible before the database refused it: no trigger runs.</summary>
    public Task DamageAsync(Guid auctionId, string change) => ByHandAsync($"""
        set session_replication_role = replica;
        update auctions set {change} where id = '{auctionId}';
        update auctions set terms = auction_terms(seller_id, currency, opening, reserve, buy_now,
          soft_close_window_us, soft_close_extension_us, max_extensions, start_us, increment)
        where id = '{auctionId}';
        update auctions set terms_digest = terms_digest(terms) where id = '{auctionId}'
        """);

    public async Task<AuctionRow> RowAsync(Guid auctionId) =>
        await Lifecycle.ReadAuctionAsync(auctionId, CancellationToken.None) ?? throw Missing(auctionId);

    /// <summary>The auction's entries in version order.</summary>
    public async Task<List<LedgerEntry>> EntriesAsync(Guid auctionId)
    {
        var entries = new List<LedgerEntry>();
        await foreach (var entry in History.ReadLedgerAsync(auctionId, CancellationToken.None)) entries.Add(entry);
        return entries;
    }

    /// <summary>Replays the auction by the rules, and returns the violations.</summary>
    public async Task<IReadOnlyList<ChainViolation>> AuditAsync(Guid auctionId)
    {
        var record = await History.ReadRecordAsync(auctionId, CancellationToken.None) ?? throw Missing(auctionId);
        return Audit(auctionId, record);
    }

    public static IReadOnlyList<ChainViolation> Audit(Guid auctionId, AuctionRecord record) => ChainAudit.Check(
        auctionId, record.Entries, record.Answers,
        new ChainHead(record.Auction.Head, record.Auction.Winner, record.Auction.EndReason));

    public async Task DisposeAsync() => await Source.DisposeAsync();

    private static InvalidOperationException Missing(Guid auctionId) => new($"There is no auction {auctionId}.");
}

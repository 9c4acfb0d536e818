using System.Data;
using System.Runtime.CompilerServices;
using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>An accepted bid as anyone may see it. Amounts in minor units, microseconds since 1970.</summary>
/// <param name="Offered">What it visibly offered.</param>
public sealed record LedgerBid(
    Guid Id, long Version, string Bidder, BidKind Kind, long Offered, long PriceAfter, string LeaderAfter, long DecidedUs);

/// <param name="TotalCount">The auction's accepted bids in all.</param>
public sealed record BidsPage(IReadOnlyList<LedgerBid> Bids, long TotalCount);

/// <summary>All that Postgres holds of an auction, as of one moment.</summary>
/// <param name="Entries">In version order.</param>
/// <param name="Answers">All answers to bids, refusals too.</param>
public sealed record AuctionRecord(AuctionRow Auction, IReadOnlyList<LedgerEntry> Entries, IReadOnlyList<DecidedBid> Answers);

/// <summary>What happened, read a page at a time. Every call may throw <see cref="LedgerUnavailableException"/>.</summary>
public sealed class LedgerHistory(NpgsqlDataSource source)
{
    private const int PageRows = 1_000;

    private static readonly string BidsPageSql = EmbeddedSql.Statement("bids_page");
    private static readonly string EntriesPageSql = EmbeddedSql.Statement("entries_page");
    private static readonly string AnswersPageSql = EmbeddedSql.Statement("answers_page");

    private readonly LedgerConnections _connections = new(source);

    /// <summary>Accepted bids, newest first; null where there is no such auction.</summary>
    /// <param name="belowVersion">The last version of the page before; null = from the newest.</param>
    public Task<BidsPage?> ReadBidsPageAsync(Guid auctionId, long? belowVersion, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var count = connection.Command("select bid_count from auctions where id = $1", auctionId);
            if (await count.ExecuteScalarAsync(cancellationToken) is not long total) return null;
            var bids = await ReadAsync(connection, BidsPageSql, ReadBid, cancellationToken, auctionId, belowVersion ?? long.MaxValue, (long)limit);
            return new BidsPage(bids, total);
        }, cancellationToken);

    /// <summary>Every auction, in the order of ids.</summary>
    public async IAsyncEnumerable<AuctionRow> ReadAuctionsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const string sql = $"select {AuctionRow.Columns} from auctions where id > $1 order by id limit $2";
        var after = Guid.Empty;
        while (true)
        {
            var page = await _connections.UseAsync(c => ReadAsync(c, sql, AuctionRow.Read, cancellationToken, after, (long)PageRows), cancellationToken);
            foreach (var auction in page) yield return auction;
            if (page.Count < PageRows) yield break;
            after = page[^1].Id;
        }
    }

    /// <summary>An auction's entries in version order; none where there is no such auction.</summary>
    public async IAsyncEnumerable<LedgerEntry> ReadLedgerAsync(Guid auctionId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = -1L;
        while (true)
        {
            var page = await _connections.UseAsync(c => EntriesAsync(c, auctionId, after, cancellationToken), cancellationToken);
            foreach (var entry in page) yield return entry;
            if (page.Count < PageRows) yield break;
            after = page[^1].Version;
        }
    }

    /// <summary>All answers to bids on an auction, refusals too, in the order of bidders and keys.</summary>
    public async IAsyncEnumerable<DecidedBid> ReadAnswersAsync(Guid auctionId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (bidder, key) = ("", Guid.Empty);
        while (true)
        {
            var page = await _connections.UseAsync(c => AnswersAsync(c, auctionId, bidder, key, cancellationToken), cancellationToken);
            foreach (var answer in page) yield return answer;
            if (page.Count < PageRows) yield break;
            (bidder, key) = (page[^1].Bid.Bidder, page[^1].Bid.Key);
        }
    }

    /// <summary>Row, entries and answers as of one moment, so that a live auction can be held against its own ledger; null where there is none.</summary>
    public Task<AuctionRecord?> ReadRecordAsync(Guid auctionId, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            var row = (await ReadAsync(connection, $"select {AuctionRow.Columns} from auctions where id = $1", AuctionRow.Read, cancellationToken, auctionId))
                .SingleOrDefault();
            if (row is null) return null;

            var entries = await AllPagesAsync<LedgerEntry>(last =>
                EntriesAsync(connection, auctionId, last?.Version ?? -1, cancellationToken));
            var answers = await AllPagesAsync<DecidedBid>(last =>
                AnswersAsync(connection, auctionId, last?.Bid.Bidder ?? "", last?.Bid.Key ?? Guid.Empty, cancellationToken));
            return new AuctionRecord(row, entries, answers);
        }, cancellationToken);

    private static async Task<List<T>> AllPagesAsync<T>(Func<T?, Task<List<T>>> pageAfter) where T : class
    {
        var all = new List<T>();
        List<T> page;
        do
        {
            page = await pageAfter(all.LastOrDefault());
            all.AddRange(page);
        }
        while (page.Count == PageRows);
        return all;
    }

    private static Task<List<LedgerEntry>> EntriesAsync(NpgsqlConnection connection, Guid auctionId, long after, CancellationToken cancellationToken) =>
        ReadAsync(connection, EntriesPageSql, ReadEntry, cancellationToken, auctionId, after, (long)PageRows);

    private static Task<List<DecidedBid>> AnswersAsync(
        NpgsqlConnection connection, Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) =>
        ReadAsync(connection, AnswersPageSql, LedgerRows.ReadDecidedBid, cancellationToken, auctionId, bidder, key, (long)PageRows);

    private static async Task<List<T>> ReadAsync<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = connection.Command(sql, values);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<T>();
        while (await rows.ReadAsync(cancellationToken)) all.Add(read(rows));
        return all;
    }

    private static LedgerBid ReadBid(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetInt64(1), row.GetString(2), EnumText.Parse<BidKind>(row.GetString(3)),
        Offered: row.GetInt64(4), PriceAfter: row.GetInt64(5), LeaderAfter: row.GetString(6), DecidedUs: row.GetInt64(7));

    private static LedgerEntry ReadEntry(NpgsqlDataReader row)
    {
        var isBid = !row.IsDBNull(4);
        return new LedgerEntry(
            Version: row.GetInt64(0),
            Id: row.GetGuid(1),
            Prev: row.GetGuid(2),
            EnumText.Parse<EntryKind>(row.GetString(3)),
            isBid ? new Bid(row.GetString(5), row.GetGuid(6), EnumText.Parse<BidKind>(row.GetString(4)), row.GetString(7), row.GetInt64(8), row.GetInt64(9)) : null,
            isBid ? EnumText.Parse<BidOutcome>(row.GetString(10)) : default,
            After: row.ReadState(11),
            DecidedUs: row.GetInt64(18),
            row.IsDBNull(19) ? null : Terms.Parse(row.GetString(19)),
            Winner: row.GetString(20),
            EnumText.Parse<EndReason>(row.GetString(21)));
    }
}

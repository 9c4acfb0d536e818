using System.Data;
using System.Runtime.CompilerServices;
using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

/// <param name="Bids">The entries of accepted bids, newest first.</param>
/// <param name="TotalCount">The number of all accepted bids of the auction.</param>
public sealed record BidsPage(IReadOnlyList<LedgerEntry> Bids, string Currency, long TotalCount);

/// <summary>Everything that Postgres holds about an auction, at one moment.</summary>
/// <param name="Entries">In version order.</param>
/// <param name="Answers">All answers to bids, rejections too.</param>
public sealed record AuctionRecord(
    AuctionRow Auction, IReadOnlyList<LedgerEntry> Entries, IReadOnlyList<DecidedBid> Answers);

/// <summary>An auction and its ledger as stored, well formed or not, as of one moment.</summary>
/// <param name="TermsMatchColumns">Whether the terms line is what the columns of the terms give.</param>
/// <param name="NowUs">The ledger's clock at the time of reading.</param>
/// <param name="Records">Entries in version order, then rejected bids.</param>
public sealed record StoredAuction(
    AuctionRow Row, bool TermsMatchColumns, long NowUs, IReadOnlyList<LedgerRow> Records)
{
    /// <summary>Reads a row of <c>audit_auctions.sql</c>, which has no records.</summary>
    internal static StoredAuction Read(NpgsqlDataReader row) => new(
        AuctionRow.Read(row), row.GetBoolean(AuctionRow.ColumnCount), row.GetInt64(AuctionRow.ColumnCount + 1), []);
}

/// <summary>An auction as an operator looks at it, as of one moment: as stored, well formed or not.</summary>
/// <param name="Columns">Every column of the row, as text.</param>
/// <param name="Newest">The newest records, rejected bids too, newest first.</param>
public sealed record AuctionOverview(
    StoredHead Head, IReadOnlyDictionary<string, string?> Columns, IReadOnlyList<LedgerRow> Newest);

/// <summary>
/// Reads the history of auctions, one page at a time. Every call may throw <see cref="LedgerUnavailableException"/>.
/// </summary>
public sealed class LedgerHistory(LedgerPools pools, LedgerStatements sql)
{
    private const int PageRows = 1_000;

    /// <summary>An audit sorts whole ledgers before the first row comes.</summary>
    private const int AuditTimeoutSeconds = 300;

    private readonly LedgerConnections _connections = new(pools.Reads);

    /// <summary>Accepted bids, newest first; null if there is no such auction.</summary>
    /// <param name="belowVersion">The last version of the previous page; null = start with the newest bid.</param>
    public Task<BidsPage?> ReadBidsPageAsync(
        Guid auctionId, long? belowVersion, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            var rows = await connection.QueryAsync(sql.Heads, StoredHead.Read, cancellationToken, new[] { auctionId });
            if (rows.SingleOrDefault()?.Parse() is not { } head) return null;
            var bids = await connection.QueryAsync(
                sql.BidsPage, row => LedgerRow.Read(row).Entry(), cancellationToken,
                auctionId, belowVersion ?? long.MaxValue, (long)limit);
            return new BidsPage(bids, head.Terms.Currency, head.State.BidCount);
        }, cancellationToken);

    /// <summary>
    /// The heads of the auctions that exist, in no order. Each comes with the version of the last entry that Redis did
    /// not propose.
    /// </summary>
    public Task<List<(StoredHead Head, long OutsideVersion)>> ReadHeadsAsync(
        IReadOnlyCollection<Guid> auctionIds, CancellationToken cancellationToken) =>
        _connections.UseAsync(
            c => c.QueryAsync(
                sql.Heads, row => (StoredHead.Read(row), row.GetInt64(StoredHead.ColumnCount)), cancellationToken,
                auctionIds.ToArray()),
            cancellationToken);

    /// <summary>Every auction, by id.</summary>
    public async IAsyncEnumerable<AuctionRow> ReadAuctionsAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = Guid.Empty;
        while (true)
        {
            var page = await _connections.UseAsync(
                c => c.QueryAsync(sql.AuctionsPage, AuctionRow.Read, cancellationToken, after, (long)PageRows),
                cancellationToken);
            foreach (var auction in page) yield return auction;
            if (page.Count < PageRows) yield break;
            after = page[^1].Id;
        }
    }

    /// <summary>An auction's entries in version order; none if there is no such auction.</summary>
    public IAsyncEnumerable<LedgerEntry> ReadLedgerAsync(Guid auctionId, CancellationToken cancellationToken) =>
        ReadEntriesAsync(auctionId, -1, cancellationToken).Select(row => row.Entry());

    /// <summary>An auction's entries above a version, as stored, in version order.</summary>
    public async IAsyncEnumerable<LedgerRow> ReadEntriesAsync(
        Guid auctionId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var page = await _connections.UseAsync(
                c => EntriesAsync(c, auctionId, after, cancellationToken), cancellationToken);
            foreach (var row in page) yield return row;
            if (page.Count < PageRows) yield break;
            after = page[^1].Version!.Value;
        }
    }

    /// <summary>All answers to bids on an auction, rejections too, by bidder and key.</summary>
    public async IAsyncEnumerable<DecidedBid> ReadAnswersAsync(
        Guid auctionId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (bidder, key) = ("", Guid.Empty);
        while (true)
        {
            var page = await _connections.UseAsync(
                c => AnswersAsync(c, auctionId, bidder, key, cancellationToken), cancellationToken);
            foreach (var answer in page) yield return answer;
            if (page.Count < PageRows) yield break;
            (bidder, key) = (page[^1].Bid.Bidder, page[^1].Bid.Key);
        }
    }

    /// <summary>
    /// The row, the entries and the answers, all at one moment, so that a live auction can be compared with its ledger;
    /// null if there is no such auction.
    /// </summary>
    public Task<AuctionRecord?> ReadRecordAsync(Guid auctionId, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var snapshot = await SnapshotAsync(connection, cancellationToken);
            var rows = await connection.QueryAsync(
                sql.AuctionsById, AuctionRow.Read, cancellationToken, new[] { auctionId });
            if (rows is not [var row]) return null;

            var entries = await AllPagesAsync<LedgerRow>(last =>
                EntriesAsync(connection, auctionId, last?.Version ?? -1, cancellationToken));
            var answers = await AllPagesAsync<DecidedBid>(last => AnswersAsync(
                connection, auctionId, last?.Bid.Bidder ?? "", last?.Bid.Key ?? Guid.Empty, cancellationToken));
            return new AuctionRecord(row, entries.ConvertAll(entry => entry.Entry()), answers);
        }, cancellationToken);

    /// <summary>The newest records and the whole row; null if there is no such auction.</summary>
    public Task<AuctionOverview?> ReadOverviewAsync(Guid auctionId, int newest, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var snapshot = await SnapshotAsync(connection, cancellationToken);
            var heads = await connection.QueryAsync(sql.Heads, StoredHead.Read, cancellationToken, new[] { auctionId });
            if (heads is not [var head]) return null;

            var columns = await connection.QueryAsync(
                sql.AuctionAsText, row => (Name: row.GetString(0), Value: row.IsDBNull(1) ? null : row.GetString(1)),
                cancellationToken, auctionId);
            var records = await connection.QueryAsync(
                sql.NewestRecords, LedgerRow.Read, cancellationToken, auctionId, (long)newest);
            return new AuctionOverview(head, columns.ToDictionary(c => c.Name, c => c.Value), records);
        }, cancellationToken);

    /// <summary>
    /// Passes auctions to a check, in the order of ids, all as of one moment. The records of only one auction are in
    /// memory at a time.
    /// </summary>
    /// <returns>How many of the auctions there are.</returns>
    /// <exception cref="PostgresException">
    /// A standby cancelled the snapshot. There is no retry, which would pass the same auctions again.
    /// </exception>
    public Task<int> AuditAsync(
        IReadOnlyCollection<Guid> auctionIds, Action<StoredAuction> check, CancellationToken cancellationToken) =>
        _connections.UseOnceAsync(async connection =>
        {
            await using var snapshot = await SnapshotAsync(connection, cancellationToken);
            var auctions = await connection.QueryAsync(
                sql.AuditAuctions, StoredAuction.Read, cancellationToken, auctionIds.ToArray());
            await using var command = connection.Command(sql.AuditRecords, auctions.ConvertAll(a => a.Row.Id));
            command.CommandTimeout = AuditTimeoutSeconds;
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            var more = await rows.ReadAsync(cancellationToken);
            foreach (var auction in auctions)
            {
                var records = new List<LedgerRow>();
                for (; more && rows.GetGuid(0) == auction.Row.Id; more = await rows.ReadAsync(cancellationToken))
                    records.Add(LedgerRow.Read(rows));
                check(auction with { Records = records });
            }

            return auctions.Count;
        }, cancellationToken);

    private static ValueTask<NpgsqlTransaction> SnapshotAsync(
        NpgsqlConnection connection, CancellationToken cancellationToken) =>
        connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);

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

    private Task<List<LedgerRow>> EntriesAsync(
        NpgsqlConnection connection, Guid auctionId, long after, CancellationToken cancellationToken) =>
        connection.QueryAsync(sql.EntriesPage, LedgerRow.Read, cancellationToken, auctionId, after, (long)PageRows);

    private Task<List<DecidedBid>> AnswersAsync(
        NpgsqlConnection connection, Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            sql.AnswersPage, AnswerRow.Read, cancellationToken, auctionId, bidder, key, (long)PageRows);
}

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

/// <summary>
/// Reads the history of auctions, one page at a time. Every call may throw <see cref="LedgerUnavailableException"/>.
/// </summary>
public sealed class LedgerHistory(NpgsqlDataSource source, LedgerStatements sql)
{
    private const int PageRows = 1_000;

    private readonly LedgerConnections _connections = new(source);

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

    /// <summary>An auction's entries in version order; empty if there is no such auction.</summary>
    public async IAsyncEnumerable<LedgerEntry> ReadLedgerAsync(
        Guid auctionId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var after = -1L;
        while (true)
        {
            var page = await _connections.UseAsync(
                c => EntriesAsync(c, auctionId, after, cancellationToken), cancellationToken);
            foreach (var entry in page) yield return entry;
            if (page.Count < PageRows) yield break;
            after = page[^1].Version;
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
            await using var snapshot = await connection.BeginTransactionAsync(
                IsolationLevel.RepeatableRead, cancellationToken);
            var rows = await connection.QueryAsync(
                sql.AuctionsById, AuctionRow.Read, cancellationToken, new[] { auctionId });
            if (rows is not [var row]) return null;

            var entries = await AllPagesAsync<LedgerEntry>(last =>
                EntriesAsync(connection, auctionId, last?.Version ?? -1, cancellationToken));
            var answers = await AllPagesAsync<DecidedBid>(last => AnswersAsync(
                connection, auctionId, last?.Bid.Bidder ?? "", last?.Bid.Key ?? Guid.Empty, cancellationToken));
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

    private Task<List<LedgerEntry>> EntriesAsync(
        NpgsqlConnection connection, Guid auctionId, long after, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            sql.EntriesPage, row => LedgerRow.Read(row).Entry(), cancellationToken, auctionId, after, (long)PageRows);

    private Task<List<DecidedBid>> AnswersAsync(
        NpgsqlConnection connection, Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) =>
        connection.QueryAsync(
            sql.AnswersPage, AnswerRow.Read, cancellationToken, auctionId, bidder, key, (long)PageRows);
}

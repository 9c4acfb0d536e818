using System.Collections.Concurrent;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// The ledger in Postgres. An append is one transaction: lock the auctions (<c>lock.sql</c>), append what was accepted (<c>append.sql</c>),
/// record what was refused (<c>refuse.sql</c>); of fresh bids one round trip. All that guards the chain stands in those files.
/// </summary>
public sealed partial class PostgresLedger : ILedger
{
    private readonly LedgerConnections _connections;
    private readonly LedgerStatements _sql;
    private readonly ILogger<PostgresLedger> _logger;
    private readonly ConcurrentBag<BidRows> _spareRows = [];

    /// <param name="source">From <see cref="LedgerDataSource"/>.</param>
    public PostgresLedger(NpgsqlDataSource source, ILogger<PostgresLedger> logger) : this(source, logger, new LedgerStatements())
    {
    }

    internal PostgresLedger(NpgsqlDataSource source, ILogger<PostgresLedger> logger, LedgerStatements statements)
    {
        _connections = new LedgerConnections(source);
        _logger = logger;
        _sql = statements;
    }

    /// <inheritdoc/>
    public async Task<AppendResult[]> AppendAsync(IReadOnlyList<DecidedBid> bids, bool[] fresh, CancellationToken cancellationToken)
    {
        var append = new Append(bids);
        if (fresh.Contains(true)) await AppendFreshAsync(append, fresh, cancellationToken);
        var left = append.Left();
        if (left.Length > 0) await AppendRangeAsync(append, left, cancellationToken);
        return append.Results();
    }

    /// <inheritdoc/>
    public Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.Head, auctionId);
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            return await row.ReadAsync(cancellationToken)
                ? new Head(row.GetInt64(0), row.GetGuid(1), Terms.Parse(row.GetString(2)), row.ReadState(3))
                : null;
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<DecidedBid>> ReadRecentAnswersAsync(Guid auctionId, int limit, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.RecentAnswers, auctionId, (long)limit);
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            var answers = new List<DecidedBid>();
            while (await rows.ReadAsync(cancellationToken)) answers.Add(rows.ReadDecidedBid());
            return (IReadOnlyList<DecidedBid>)answers;
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<DecidedBid?> FindAnswerAsync(Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.AnswersToKeys, new[] { auctionId }, new[] { bidder }, new[] { key });
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            return await row.ReadAsync(cancellationToken) ? row.ReadDecidedBid() : null;
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<ILookup<string, long>> ReadDecisionTimesAsync(
        Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.DecisionTimes, auctionId, bidders.ToArray(), sinceUs);
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            var times = new List<(string Bidder, long DecidedUs)>();
            while (await rows.ReadAsync(cancellationToken)) times.Add((rows.GetString(0), rows.GetInt64(1)));
            return times.ToLookup(t => t.Bidder, t => t.DecidedUs);
        }, cancellationToken);

    /// <inheritdoc/>
    public Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.Terms, auctionId, digest);
            return await command.ExecuteScalarAsync(cancellationToken) is string line ? Terms.Parse(line) : null;
        }, cancellationToken);

    /// <summary>
    /// What nearly always is all: fresh bids join, and what is not fresh has its answer. Anything else stays unsaid: a key that does have an
    /// answer has rolled all of it back, and a fresh bid that does not follow may have been appended by another instance.
    /// </summary>
    private async Task AppendFreshAsync(Append append, bool[] fresh, CancellationToken cancellationToken)
    {
        var places = Enumerable.Range(0, fresh.Length).ToLookup(i => fresh[i]);
        int[] joining = [.. places[true]], replayed = [.. places[false]];
        try
        {
            await _connections.UseOnceAsync(c => RunAsync(c, append, append.AuctionsOf(joining), joining, replayed, cancellationToken), cancellationToken);
            append.KeepWhatIsCertain();
        }
        catch (PostgresException e) when (LedgerConnections.IsRace(e) || LedgerConnections.IsBadData(e))
        {
            append.ForgetAll();
        }
    }

    /// <summary>
    /// Appends a part of the bids. Where Postgres turns values away that no guard has caught, the part is halved until the bid that is
    /// to blame stands alone: one forged line does not stop a lane.
    /// </summary>
    private async Task AppendRangeAsync(Append append, int[] places, CancellationToken cancellationToken)
    {
        try
        {
            await _connections.UseAsync(c => AppendUnknownAsync(c, append, places, cancellationToken), cancellationToken);
        }
        catch (PostgresException e) when (LedgerConnections.IsBadData(e))
        {
            if (places is [var place])
            {
                LogBadData(_logger, append.Bids[place].AuctionId, append.Bids[place].Id, e.SqlState, e.MessageText);
                append.AppendStatus[place] = AppendStatus.Conflict;
                return;
            }

            var middle = places.Length / 2;
            await AppendRangeAsync(append, places[..middle], cancellationToken);
            await AppendRangeAsync(append, places[middle..], cancellationToken);
        }
    }

    /// <summary>Looks first, under the locks, whether the keys have answers, and appends those that have none.</summary>
    private async Task<Append> AppendUnknownAsync(NpgsqlConnection connection, Append append, int[] places, CancellationToken cancellationToken)
    {
        append.Forget(places);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await RunAsync(connection, append, append.AuctionsOf(places), [], places, cancellationToken);
        var (unknown, repeated) = append.PartUnknown(places);
        if (unknown.Length > 0) await RunAsync(connection, append, [], unknown, repeated, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return append;
    }

    /// <summary>One round trip; outside of a transaction it is one.</summary>
    /// <param name="locked">Auctions to lock.</param>
    /// <param name="places">What to append.</param>
    /// <param name="asked">For whose keys to look up the answers, afterwards.</param>
    private async Task<Append> RunAsync(
        NpgsqlConnection connection, Append append, Guid[] locked, int[] places, int[] asked, CancellationToken cancellationToken)
    {
        var (accepted, refused) = (Rent(), Rent());
        try
        {
            foreach (var place in append.ByAuction(places)) (append.Bids[place].Accepted ? accepted : refused).Add(place, append.Bids[place]);

            await using var batch = new NpgsqlBatch(connection);
            if (locked.Length > 0) batch.BatchCommands.Add(LedgerCommands.Part(_sql.Lock, locked));
            if (accepted.Count > 0) batch.BatchCommands.Add(accepted.Append(_sql.Append));
            if (refused.Count > 0) batch.BatchCommands.Add(refused.Refuse(_sql.Refuse));
            if (asked.Length > 0) batch.BatchCommands.Add(LedgerCommands.Part(_sql.AnswersToKeys, append.KeysOf(asked)));

            await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
            var more = locked.Length == 0 || await rows.NextResultAsync(cancellationToken);
            foreach (var part in (BidRows[])[accepted, refused])
            {
                if (part.Count == 0) continue;
                await part.ReadAsync(rows, append.AppendStatus, cancellationToken);
                more = await rows.NextResultAsync(cancellationToken);
            }

            if (asked.Length > 0)
            {
                while (await rows.ReadAsync(cancellationToken)) append.Answer(asked[rows.GetInt64(rows.FieldCount - 1) - 1], rows.ReadDecidedBid());
                more = await rows.NextResultAsync(cancellationToken);
            }

            // Rows arrive before the commit. Past the last result comes the server's word that it is ready, and so that it committed.
            if (more) throw new InvalidOperationException("The append returned more results than it has parts.");
            return append;
        }
        finally
        {
            Return(accepted);
            Return(refused);
        }
    }

    private BidRows Rent() => _spareRows.TryTake(out var rows) ? rows : new BidRows();

    private void Return(BidRows rows)
    {
        rows.Clear();
        _spareRows.Add(rows);
    }

    [LoggerMessage(LogLevel.Error, "Auction {AuctionId}: decided bid {Id} holds what Postgres cannot, and is refused: {SqlState} {Reason}")]
    private static partial void LogBadData(ILogger logger, Guid auctionId, Guid id, string sqlState, string reason);
}

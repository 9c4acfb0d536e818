using System.Collections.Concurrent;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Platform.Ledger;

/// <summary>
/// The ledger in Postgres. An append is one round trip and one transaction: lock the auctions (<c>lock.sql</c>), append what was accepted
/// (<c>append.sql</c>), record what was refused (<c>refuse.sql</c>). All that guards the chain stands in those files.
/// </summary>
public sealed partial class PostgresLedger : ILedger
{
    private readonly LedgerConnections _connections;
    private readonly LedgerStatements _sql;
    private readonly ILogger<PostgresLedger> _log;
    private readonly ConcurrentBag<BidColumns> _columns = [];

    /// <param name="source">From <see cref="LedgerDataSource"/>.</param>
    public PostgresLedger(NpgsqlDataSource source, ILogger<PostgresLedger> log) : this(source, log, new LedgerStatements())
    {
    }

    internal PostgresLedger(NpgsqlDataSource source, ILogger<PostgresLedger> log, LedgerStatements statements)
    {
        _connections = new LedgerConnections(source);
        _log = log;
        _sql = statements;
    }

    private enum Became : byte { Unsaid, Appended, Known, Early, Refused, Repeated }

    /// <inheritdoc/>
    public async Task<AppendResult[]> AppendAsync(IReadOnlyList<DecidedBid> bids, CancellationToken cancellation)
    {
        var became = new Became[bids.Count];
        if (bids.Count > 0) await AppendRangeAsync(bids, 0, bids.Count, became, cancellation);

        var results = new AppendResult[bids.Count];
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = became[i] switch
            {
                Became.Appended => new AppendResult(AppendOutcome.Appended, bids[i]),
                Became.Early => new AppendResult(AppendOutcome.Early, null),
                Became.Refused => new AppendResult(AppendOutcome.Refused, null),
                Became.Known or Became.Repeated => default, // below
                _ => throw new InvalidOperationException($"The append of {bids[i].Id} to auction {bids[i].AuctionId} said nothing of it."),
            };
        }

        if (became.AsSpan().ContainsAny(Became.Known, Became.Repeated)) await AnswerKnownAsync(bids, became, results, cancellation);
        return results;
    }

    /// <inheritdoc/>
    public Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellation) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.Head, auctionId);
            await using var row = await command.ExecuteReaderAsync(cancellation);
            return await row.ReadAsync(cancellation)
                ? new Head(row.GetInt64(0), row.GetGuid(1), Terms.Parse(row.GetString(2)), row.ReadState(3))
                : null;
        }, cancellation);

    /// <inheritdoc/>
    public Task<IReadOnlyList<DecidedBid>> ReadRecentAnswersAsync(Guid auctionId, int limit, CancellationToken cancellation) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.RecentAnswers, auctionId, (long)limit);
            await using var rows = await command.ExecuteReaderAsync(cancellation);
            var answers = new List<DecidedBid>();
            while (await rows.ReadAsync(cancellation)) answers.Add(rows.ReadDecidedBid());
            return (IReadOnlyList<DecidedBid>)answers;
        }, cancellation);

    /// <inheritdoc/>
    public async Task<DecidedBid?> FindAnswerAsync(Guid auctionId, string bidder, Guid key, CancellationToken cancellation) =>
        (await FindAnswersAsync([(auctionId, bidder, key)], cancellation))[0];

    /// <inheritdoc/>
    public Task<ILookup<string, long>> ReadDecisionTimesAsync(
        Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellation) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.DecisionTimes, auctionId, bidders.ToArray(), sinceUs);
            await using var rows = await command.ExecuteReaderAsync(cancellation);
            var times = new List<(string Bidder, long DecidedUs)>();
            while (await rows.ReadAsync(cancellation)) times.Add((rows.GetString(0), rows.GetInt64(1)));
            return times.ToLookup(t => t.Bidder, t => t.DecidedUs);
        }, cancellation);

    /// <inheritdoc/>
    public Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellation) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.Terms, auctionId, digest);
            return await command.ExecuteScalarAsync(cancellation) is string line ? Terms.Parse(line) : null;
        }, cancellation);

    /// <summary>
    /// Appends a part of the bids. Where Postgres turns values away that no guard has caught, the part is halved until the bid that is
    /// to blame stands alone: one forged line does not stop a lane.
    /// </summary>
    private async Task AppendRangeAsync(IReadOnlyList<DecidedBid> bids, int from, int to, Became[] became, CancellationToken cancellation)
    {
        try
        {
            await _connections.UseAsync(c => AppendOnceAsync(c, bids, from, to, became, cancellation), cancellation);
        }
        catch (PostgresException e) when (LedgerConnections.IsBadData(e))
        {
            if (to - from == 1)
            {
                LogBadData(_log, bids[from].AuctionId, bids[from].Id, e.SqlState, e.MessageText);
                became[from] = Became.Refused;
                return;
            }

            var middle = (from + to) / 2;
            await AppendRangeAsync(bids, from, middle, became, cancellation);
            await AppendRangeAsync(bids, middle, to, became, cancellation);
        }
    }

    private async Task<int> AppendOnceAsync(
        NpgsqlConnection connection, IReadOnlyList<DecidedBid> bids, int from, int to, Became[] became, CancellationToken cancellation)
    {
        var accepted = Rent();
        var refused = Rent();
        try
        {
            var auctions = new HashSet<Guid>();
            for (var i = from; i < to; i++)
            {
                auctions.Add(bids[i].AuctionId);
                (bids[i].Accepted ? accepted : refused).Add(i, bids[i]);
            }

            await using var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(LedgerCommands.Part(_sql.Lock, auctions.ToArray()));
            if (accepted.Places.Count > 0) batch.BatchCommands.Add(accepted.Append(_sql.Append));
            if (refused.Places.Count > 0) batch.BatchCommands.Add(refused.Refuse(_sql.Refuse));

            await using var rows = await batch.ExecuteReaderAsync(cancellation);
            foreach (var part in (BidColumns[])[accepted, refused])
            {
                if (part.Places.Count == 0) continue;
                await rows.NextResultAsync(cancellation);
                while (await rows.ReadAsync(cancellation)) became[part.Places[(int)rows.GetInt64(0) - 1]] = Parse(rows.GetString(1));
            }

            // Rows arrive before the commit. Past the last result comes the server's word that it is ready, and so that it committed.
            if (await rows.NextResultAsync(cancellation)) throw new InvalidOperationException("The append returned more results than it has parts.");
            return to - from;
        }
        finally
        {
            Return(accepted);
            Return(refused);
        }
    }

    /// <summary>Fills in what has an answer already: in the ledger, or earlier in this batch.</summary>
    private async Task AnswerKnownAsync(IReadOnlyList<DecidedBid> bids, Became[] became, AppendResult[] results, CancellationToken cancellation)
    {
        int[] places = [.. Enumerable.Range(0, bids.Count).Where(i => became[i] is Became.Known or Became.Repeated)];
        var answers = await FindAnswersAsync([.. places.Select(i => (bids[i].AuctionId, bids[i].Bid.Bidder, bids[i].Bid.Key))], cancellation);
        for (var i = 0; i < places.Length; i++)
        {
            var bid = bids[places[i]];
            results[places[i]] = answers[i] switch
            {
                { } answer => new AppendResult(answer.Id == bid.Id ? AppendOutcome.AlreadyThere : AppendOutcome.Answered, answer),
                // The first bid under a repeated key did not get in.
                null when became[places[i]] == Became.Repeated => new AppendResult(AppendOutcome.Refused, null),
                null => throw new InvalidOperationException($"Auction {bid.AuctionId}: the answer to key {bid.Bid.Key} rests on no entry."),
            };
        }
    }

    private Task<DecidedBid?[]> FindAnswersAsync((Guid AuctionId, string Bidder, Guid Key)[] keys, CancellationToken cancellation) =>
        _connections.UseAsync(async connection =>
        {
            await using var command = connection.Command(_sql.AnswersToKeys,
                keys.Select(k => k.AuctionId).ToArray(), keys.Select(k => k.Bidder).ToArray(), keys.Select(k => k.Key).ToArray());
            await using var rows = await command.ExecuteReaderAsync(cancellation);
            var answers = new DecidedBid?[keys.Length];
            while (await rows.ReadAsync(cancellation)) answers[rows.GetInt64(rows.FieldCount - 1) - 1] = rows.ReadDecidedBid();
            return answers;
        }, cancellation);

    private BidColumns Rent() => _columns.TryTake(out var columns) ? columns : new BidColumns();

    private void Return(BidColumns columns)
    {
        columns.Clear();
        _columns.Add(columns);
    }

    private static Became Parse(string word) => word switch
    {
        "appended" or "recorded" => Became.Appended,
        "known" => Became.Known,
        "early" => Became.Early,
        "refused" => Became.Refused,
        "repeated" => Became.Repeated,
        _ => throw new InvalidOperationException($"The append said '{word}'."),
    };

    [LoggerMessage(LogLevel.Error, "Auction {AuctionId}: decided bid {Id} holds what Postgres cannot, and is refused: {SqlState} {Reason}")]
    private static partial void LogBadData(ILogger log, Guid auctionId, Guid id, string sqlState, string reason);
}

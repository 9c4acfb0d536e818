using System.Collections.Concurrent;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// The ledger in Postgres. An append is one transaction: lock the auctions (<c>lock_auctions.sql</c>), append the
/// accepted bids (<c>append.sql</c>), record the rejected ones (<c>record_rejections.sql</c>). Fresh bids take one
/// round trip. Every guard of the chain is in these files. An auction that another transaction has locked is left out,
/// so that its lock delays no other auction.
/// </summary>
public sealed class PostgresLedger(
    LedgerPools pools, LedgerStatements sql, RowLocks rowLocks, ILogger<PostgresLedger> logger) : ILedger
{
    private readonly LedgerConnections _commits = new(pools.Commits);
    private readonly LedgerConnections _heads = new(pools.Heads);
    private readonly LedgerConnections _reads = new(pools.Reads);
    private readonly ConcurrentBag<BidParameters> _spareParameters = [];

    /// <inheritdoc/>
    public async Task<AppendResult[]> AppendAsync(
        IReadOnlyList<DecidedBid> bids, bool[] fresh, long[] agesUs, CancellationToken cancellationToken)
    {
        var batch = new AppendBatch(bids, agesUs);
        if (fresh.Contains(true)) await AppendFreshAsync(batch, fresh, cancellationToken);
        var remaining = batch.Unknown();
        if (remaining.Length > 0) await AppendRangeAsync(batch, remaining, waits: false, cancellationToken);
        return batch.Results();
    }

    /// <inheritdoc/>
    public async Task<AppendResult[]> AppendWaitingAsync(
        IReadOnlyList<DecidedBid> bids, long[] agesUs, CancellationToken cancellationToken)
    {
        var batch = new AppendBatch(bids, agesUs);
        await AppendRangeAsync(batch, batch.Unknown(), waits: true, cancellationToken);
        return batch.Results();
    }

    /// <inheritdoc/>
    public async Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        (await QueryAsync(_heads, sql.Heads, StoredHead.Read, cancellationToken, new[] { auctionId }))
            .SingleOrDefault()?.Parse();

    /// <inheritdoc/>
    public async Task<(Head Head, long NowUs)?> ReadHeadAndClockAsync(
        Guid auctionId, CancellationToken cancellationToken)
    {
        var rows = await QueryAsync(
            _heads, sql.Heads, row => (Head: StoredHead.Read(row), NowUs: row.GetInt64(StoredHead.ColumnCount + 1)),
            cancellationToken, new[] { auctionId });
        return rows is [var read] ? (read.Head.Parse(), read.NowUs) : null;
    }

    /// <inheritdoc/>
    public async Task<ILookup<Guid, DecidedBid>> ReadRecentAnswersAsync(
        IReadOnlyCollection<Guid> auctionIds, int limit, CancellationToken cancellationToken) =>
        (await QueryAsync(
            _heads, sql.RecentAnswers, AnswerRow.Read, cancellationToken, auctionIds.ToArray(), (long)limit))
            .ToLookup(answer => answer.AuctionId);

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<Guid, Head>> ReadHeadsAsync(
        IReadOnlyCollection<Guid> auctionIds, CancellationToken cancellationToken) =>
        (await QueryAsync(_heads, sql.Heads, StoredHead.Read, cancellationToken, auctionIds.ToArray()))
            .ToDictionary(row => row.AuctionId, row => row.Parse());

    /// <inheritdoc/>
    public async Task<DecidedBid?> FindAnswerAsync(
        Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) =>
        (await QueryAsync(_reads, sql.AnswersToKeys, AnswerRow.Read, cancellationToken,
            new[] { auctionId }, new[] { bidder }, new[] { key })).SingleOrDefault();

    /// <inheritdoc/>
    public async Task<ILookup<string, long>> ReadDecisionTimesAsync(
        Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken) =>
        (await QueryAsync(
            _heads, sql.DecisionTimes, row => (Bidder: row.GetString(0), DecidedUs: row.GetInt64(1)), cancellationToken,
            auctionId, bidders.ToArray(), sinceUs))
            .ToLookup(time => time.Bidder, time => time.DecidedUs);

    /// <inheritdoc/>
    public async Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellationToken) =>
        (await QueryAsync(
            _reads, sql.TermsByDigest, row => Terms.Parse(row.GetString(0)), cancellationToken, auctionId, digest))
            .SingleOrDefault();

    private static Task<List<T>> QueryAsync<T>(
        LedgerConnections connections, string statement, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken, params object[] values) =>
        connections.UseAsync(c => c.QueryAsync(statement, read, cancellationToken, values), cancellationToken);

    /// <summary>
    /// The common case: the ledger appends every fresh bid and already has an answer to each of the others. All other
    /// bids stay unknown. If a fresh bid's key does have an answer, the unique index has rolled everything back. If a
    /// fresh bid does not follow the head, another instance may have appended it.
    /// </summary>
    private async Task AppendFreshAsync(AppendBatch batch, bool[] fresh, CancellationToken cancellationToken)
    {
        var places = Enumerable.Range(0, fresh.Length).ToLookup(i => fresh[i]);
        int[] joining = [.. places[true]], replayed = [.. places[false]];
        try
        {
            await _commits.UseOnceAsync(c =>
            {
                batch.BeginTransaction();
                return RunAsync(c, batch, Lock(batch.AuctionsOf(joining)), joining, replayed, cancellationToken);
            }, cancellationToken);
            batch.KeepCertain();
        }
        catch (PostgresException e) when (LedgerConnections.IsRace(e) || LedgerConnections.IsBadData(e))
        {
            batch.ResetAll();
        }
        catch (PostgresException e) when (LedgerConnections.IsLocked(e))
        {
            batch.SetBusy(Enumerable.Range(0, fresh.Length));
        }
    }

    /// <summary>
    /// Appends a part of the bids. If Postgres rejects a value that no guard has caught, this halves the part until the
    /// bad bid is alone. One forged line in Redis therefore does not stop a commit lane.
    /// </summary>
    private async Task AppendRangeAsync(
        AppendBatch batch, int[] places, bool waits, CancellationToken cancellationToken)
    {
        try
        {
            if (!await TryAppendAsync(batch, places, waits, cancellationToken)) batch.SetBusy(places);
        }
        catch (PostgresException e) when (LedgerConnections.IsBadData(e))
        {
            if (places is [var place])
            {
                logger.BidNotStorable(batch.Bids[place].AuctionId, batch.Bids[place].Id, e.SqlState, e.MessageText);
                batch.Status[place] = AppendStatus.Conflict;
                return;
            }

            var middle = places.Length / 2;
            await AppendRangeAsync(batch, places[..middle], waits, cancellationToken);
            await AppendRangeAsync(batch, places[middle..], waits, cancellationToken);
        }
    }

    /// <returns>False if a lock was not available, so that nothing was done.</returns>
    private async Task<bool> TryAppendAsync(
        AppendBatch batch, int[] places, bool waits, CancellationToken cancellationToken)
    {
        var auctions = batch.AuctionsOf(places);
        if (waits)
        {
            var (ran, _) = await rowLocks.TryAsync(auctions.Single(), (connection, waitMs) => LookUpAndAppendAsync(
                connection, batch, rowLocks.Lock(auctions[0], waitMs), places, cancellationToken),
                cancellationToken);
            return ran;
        }

        try
        {
            await _commits.UseAsync(
                c => LookUpAndAppendAsync(c, batch, Lock(auctions), places, cancellationToken), cancellationToken);
            return true;
        }
        catch (PostgresException e) when (LedgerConnections.IsLocked(e))
        {
            return false;
        }
    }

    /// <summary>Looks up, under the locks, which keys have answers. Appends the bids whose keys have none.</summary>
    private async Task<AppendBatch> LookUpAndAppendAsync(
        NpgsqlConnection connection, AppendBatch batch, NpgsqlBatchCommand[] locking, int[] places,
        CancellationToken cancellationToken)
    {
        batch.Reset(places);
        batch.BeginTransaction();
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await RunAsync(connection, batch, locking, [], places, cancellationToken);
        var (unknown, repeated) = batch.SplitUnknown(places);
        if (unknown.Length > 0) await RunAsync(connection, batch, [], unknown, repeated, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return batch;
    }

    /// <summary>The command that locks the auctions that are free; none if there are no auctions.</summary>
    private NpgsqlBatchCommand[] Lock(Guid[] auctions) =>
        auctions.Length == 0 ? [] : [LedgerCommands.Part(sql.LockAuctions, auctions)];

    /// <summary>Sends one batch in one round trip. Outside a transaction, the batch is its own transaction.</summary>
    /// <param name="locking">The commands that lock the auctions.</param>
    /// <param name="places">The bids to append or record.</param>
    /// <param name="lookedUp">The bids whose keys are looked up afterwards.</param>
    private async Task<AppendBatch> RunAsync(
        NpgsqlConnection connection, AppendBatch batch, NpgsqlBatchCommand[] locking, int[] places, int[] lookedUp,
        CancellationToken cancellationToken)
    {
        var (accepted, rejected) = (Rent(), Rent());
        try
        {
            foreach (var place in batch.ByAuction(places))
                (batch.Bids[place].Accepted ? accepted : rejected).Add(place, batch.Bids[place], batch.AgeUs(place));

            await using var commands = new NpgsqlBatch(connection);
            foreach (var command in locking) commands.BatchCommands.Add(command);
            if (accepted.Count > 0) commands.BatchCommands.Add(accepted.Append(sql.Append));
            if (rejected.Count > 0) commands.BatchCommands.Add(rejected.RecordRejections(sql.RecordRejections));
            if (lookedUp.Length > 0)
                commands.BatchCommands.Add(LedgerCommands.Part(sql.AnswersToKeys, batch.KeysOf(lookedUp)));

            await using var rows = await commands.ExecuteReaderAsync(cancellationToken);
            var more = true;
            foreach (var _ in locking) more = await rows.NextResultAsync(cancellationToken);
            foreach (var part in (BidParameters[])[accepted, rejected])
            {
                if (part.Count == 0) continue;
                await part.ReadStatusAsync(rows, batch.Status, cancellationToken);
                more = await rows.NextResultAsync(cancellationToken);
            }

            if (lookedUp.Length > 0)
            {
                while (await rows.ReadAsync(cancellationToken))
                    batch.SetAnswer(lookedUp[rows.GetInt64(rows.FieldCount - 1) - 1], AnswerRow.Read(rows));
                more = await rows.NextResultAsync(cancellationToken);
            }

            // Rows arrive before the commit. After the last result, the server reports that it is ready: it has
            // committed.
            if (more) throw new InvalidOperationException("The append returned more results than it has parts.");
            return batch;
        }
        finally
        {
            Return(accepted);
            Return(rejected);
        }
    }

    private BidParameters Rent() => _spareParameters.TryTake(out var parameters) ? parameters : new BidParameters();

    private void Return(BidParameters parameters)
    {
        parameters.Clear();
        _spareParameters.Add(parameters);
    }
}

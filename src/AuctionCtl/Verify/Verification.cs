using System.Data;
using Npgsql;
using NpgsqlTypes;
using StackExchange.Redis;

namespace Auctions.Ctl.Verify;

/// <summary>What a verification found; written as JSON in snake case.</summary>
/// <param name="Entries">Of the ledger, refusals not counted.</param>
public sealed record VerifyReport(long Auctions, long Entries, long Refusals, IReadOnlyList<Violation> Violations);

/// <summary>
/// Checks I1, I4, I5, I6 and I9 on live data: every auction's ledger is replayed through <c>Auctions.Core</c>, its row held against
/// the last entry, and Redis' head against the row. Auctions are read in pages, each in a snapshot of its own that sees the rows and
/// their ledgers at one moment. Nothing is written.
/// </summary>
public sealed class Verification(NpgsqlDataSource postgres, IDatabase redis, TimeSpan rest, TimeProvider timeProvider)
{
    private const int PageSize = 100;
    private readonly List<Violation> _violations = [];
    private readonly QuiescenceCheck _atRest = new(postgres, redis, rest, timeProvider);
    private long _total, _auctions, _entries, _refusals;

    /// <summary>How far it is.</summary>
    public string Progress() => $"{_auctions}/{_total} auctions, {_entries} entries, {_refusals} refusals verified, {_violations.Count} violations";

    public async Task<VerifyReport> RunAsync(CancellationToken cancellationToken)
    {
        await using var connection = await postgres.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (var count = new NpgsqlCommand("select count(*) from auctions", connection))
            _total = (long)(await count.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        Guid? after = null;
        do
        {
            var rows = await CheckPageAsync(connection, after, cancellationToken).ConfigureAwait(false);
            await _atRest.LookAsync(rows).ConfigureAwait(false);
            after = rows is [.., var last] ? last.Id : null;
        }
        while (after is not null);

        await FindStraysAsync(connection, cancellationToken).ConfigureAwait(false);
        _violations.AddRange(await _atRest.RemovePendingAsync(cancellationToken).ConfigureAwait(false));
        return new VerifyReport(_auctions, _entries, _refusals, _violations);
    }

    private async Task<List<LedgerHead>> CheckPageAsync(NpgsqlConnection connection, Guid? after, CancellationToken cancellationToken)
    {
        await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        var rows = await ReadPageAsync(connection, after, cancellationToken).ConfigureAwait(false);
        await using var command = new NpgsqlCommand(
            $"select {AuctionRecords.Columns} from ledger where auction_id = any($1) order by auction_id, version nulls last", connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. rows.Select(row => row.Id)] });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var more = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        foreach (var row in rows)
        {
            var records = new AuctionRecords();
            for (; more && reader.GetGuid(0) == row.Id; more = await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) records.Add(reader);
            _violations.AddRange(AuctionCheck.Of(row, records));
            _auctions++;
            _entries += records.Entries.Count;
            _refusals += records.Answers.Count(answer => !answer.Accepted);
        }

        return rows;
    }

    private static async Task<List<LedgerHead>> ReadPageAsync(NpgsqlConnection connection, Guid? after, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"select {LedgerHead.Columns} from auctions where $1 is null or id > $1 order by id limit {PageSize}", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = after is { } id ? id : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Uuid });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var rows = new List<LedgerHead>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(LedgerHead.Read(reader));
        return rows;
    }

    /// <summary>Records whose auction is not there: no foreign key forbids them.</summary>
    private async Task FindStraysAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            "select auction_id, count(*) from ledger l where not exists (select from auctions a where a.id = l.auction_id) group by auction_id", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            _violations.Add(new Violation("I1", reader.GetGuid(0).ToString(), null, $"{reader.GetInt64(1)} records of an auction that is not there"));
    }
}

using Auctions.Core;
using Npgsql;

namespace Auctions.Faults.Evidence;

/// <summary>A row of the ledger: an entry, or a rejection.</summary>
/// <param name="Version">The entry's version; null for a rejection.</param>
/// <param name="Basis">For a rejection: the version of the entry that it was decided on.</param>
/// <param name="Bid">For bids and rejections.</param>
/// <param name="After">The state after the entry; null for a rejection.</param>
/// <param name="RecordedUs">
/// The clock of Postgres when the transaction that recorded it began, microseconds since 1970.
/// </param>
/// <param name="Terms">Only if the entry sets them.</param>
public sealed record LedgerRecord(
    Guid Id, Guid Prev, long? Version, long? Basis, EntryKind Kind, Bid? Bid, BidOutcome Outcome,
    RejectionReason Reason, AuctionState? After, bool ReserveMet, long DecidedUs, long RecordedUs, Terms? Terms,
    string Winner, EndReason EndReason);

/// <summary>An auction's row.</summary>
public sealed record AuctionRow(
    Guid Id, long Version, Guid Head, AuctionState State, bool ReserveMet, string Winner, EndReason EndReason,
    Terms Terms);

/// <summary>
/// Reads the rows of auctions and their ledgers. It has its own SQL and its own mapping on purpose: the checker must
/// not share code with the services that it checks.
/// </summary>
internal sealed class LedgerReader(NpgsqlDataSource postgres)
{
    private const string RowColumns =
        "id, version, head, status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, winner, "
        + "end_reason, terms";

    private const string RecordColumns =
        "auction_id, id, prev, version, basis, kind, bid_kind, bidder, key, currency, amount, max, outcome, reason, "
        + "status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, decided_us, terms, winner, "
        + "end_reason, (extract(epoch from recorded_at) * 1000000)::bigint";

    public async Task<Dictionary<Guid, AuctionRow>> RowsAsync(CancellationToken cancellationToken)
    {
        var rows = new Dictionary<Guid, AuctionRow>();
        await using var command = postgres.CreateCommand($"select {RowColumns} from auctions");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var id = reader.GetGuid(0);
            rows.Add(id, new AuctionRow(id, reader.GetInt64(1), reader.GetGuid(2), State(reader, 3),
                reader.GetBoolean(10), reader.GetString(11), EnumText.Parse<EndReason>(reader.GetString(12)),
                Terms.Parse(reader.GetString(13))));
        }

        return rows;
    }

    public async Task<Dictionary<Guid, List<LedgerRecord>>> RecordsAsync(CancellationToken cancellationToken)
    {
        var records = new Dictionary<Guid, List<LedgerRecord>>();
        await using var command = postgres.CreateCommand($"select {RecordColumns} from ledger");
        command.CommandTimeout = 60;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var auction = reader.GetGuid(0);
            if (!records.TryGetValue(auction, out var list)) records.Add(auction, list = []);
            list.Add(Record(reader));
        }

        return records;
    }

    private static LedgerRecord Record(NpgsqlDataReader row)
    {
        var isBid = !row.IsDBNull(8);
        var bid = isBid
            ? new Bid(row.GetString(7), row.GetGuid(8), EnumText.Parse<BidKind>(row.GetString(6)), row.GetString(9),
                row.GetInt64(10), row.GetInt64(11))
            : null;
        return new LedgerRecord(
            row.GetGuid(1), row.IsDBNull(2) ? Guid.Empty : row.GetGuid(2), Long(row, 3), Long(row, 4),
            EnumText.Parse<EntryKind>(row.GetString(5)), bid,
            isBid ? EnumText.Parse<BidOutcome>(row.GetString(12)) : default,
            isBid ? EnumText.Parse<RejectionReason>(row.GetString(13)) : default,
            row.IsDBNull(14) ? null : State(row, 14), !row.IsDBNull(21) && row.GetBoolean(21), row.GetInt64(22),
            row.GetInt64(26), row.IsDBNull(23) ? null : Terms.Parse(row.GetString(23)), Text(row, 24),
            EnumText.Parse<EndReason>(Text(row, 25)));
    }

    private static AuctionState State(NpgsqlDataReader row, int at) => new(
        EnumText.Parse<AuctionStatus>(row.GetString(at)), row.GetInt64(at + 1), row.GetInt64(at + 2),
        row.GetString(at + 3), row.GetInt64(at + 4), row.GetInt32(at + 5), row.GetInt64(at + 6));

    private static long? Long(NpgsqlDataReader row, int at) => row.IsDBNull(at) ? null : row.GetInt64(at);

    private static string Text(NpgsqlDataReader row, int at) => row.IsDBNull(at) ? "" : row.GetString(at);
}

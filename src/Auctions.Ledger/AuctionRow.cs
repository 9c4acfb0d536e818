using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>An auction as its row in Postgres has it. Secrets included: reserve, ceiling.</summary>
/// <param name="CreateKey">The seller's idempotency key.</param>
/// <param name="CreateDigest">Of what the seller asked for under it.</param>
/// <param name="Head">Terms, state and version.</param>
/// <param name="OriginalEndUs">The end as created; the state's moves with soft close. Microseconds since 1970, as all times.</param>
/// <param name="DecidedUs">When the last entry was decided.</param>
/// <param name="OutsideVersion">The last entry that Redis did not propose.</param>
/// <param name="Winner">Empty until ended and sold.</param>
public sealed record AuctionRow(
    Guid Id,
    Guid CreateKey,
    string CreateDigest,
    string Title,
    string Description,
    IReadOnlyList<string> MediaUrls,
    string Category,
    string PostId,
    Head Head,
    long OriginalEndUs,
    long CreatedUs,
    bool ReserveMet,
    long DecidedUs,
    long OutsideVersion,
    string Winner,
    EndReason EndReason,
    string CancelReason)
{
    /// <summary>What <see cref="Read"/> reads, for a select list from <c>auctions</c>.</summary>
    public const string Columns = """
        id, create_key, create_digest, title, description, media_urls, category, post_id, original_end_us, created_us,
        reserve_met, decided_us, outside_version, winner, end_reason, cancel_reason,
        version, head, terms, status, price, ceiling, leader, end_us, extensions, bid_count
        """;

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    public static AuctionRow Read(NpgsqlDataReader row) => new(
        Id: row.GetGuid(0),
        CreateKey: row.GetGuid(1),
        CreateDigest: row.GetString(2),
        Title: row.GetString(3),
        Description: row.GetString(4),
        MediaUrls: row.GetFieldValue<string[]>(5),
        Category: row.GetString(6),
        PostId: row.GetString(7),
        Head: new Head(row.GetInt64(16), row.GetGuid(17), Terms.Parse(row.GetString(18)), row.ReadState(19)),
        OriginalEndUs: row.GetInt64(8),
        CreatedUs: row.GetInt64(9),
        ReserveMet: row.GetBoolean(10),
        DecidedUs: row.GetInt64(11),
        OutsideVersion: row.GetInt64(12),
        Winner: row.GetString(13),
        EndReason: EnumText.Parse<EndReason>(row.GetString(14)),
        CancelReason: row.GetString(15));
}

using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>Rows of the ledger as Core's records.</summary>
internal static class LedgerRows
{
    /// <summary>Seven columns from <paramref name="at"/> on: status, price, ceiling, leader, end_us, extensions, bid_count.</summary>
    public static AuctionState ReadState(this NpgsqlDataReader row, int at) => new(
        EnumText.Parse<AuctionStatus>(row.GetString(at)), row.GetInt64(at + 1), row.GetInt64(at + 2), row.GetString(at + 3),
        row.GetInt64(at + 4), row.GetInt32(at + 5), row.GetInt64(at + 6));

    /// <summary>A row of the view <c>answers</c>.</summary>
    public static DecidedBid ReadDecidedBid(this NpgsqlDataReader row) => new(
        AuctionId: row.GetGuid(0),
        Id: row.GetGuid(1),
        Prev: row.GetGuid(2),
        Version: row.GetInt64(3),
        new Bid(row.GetString(5), row.GetGuid(6), EnumText.Parse<BidKind>(row.GetString(4)), row.GetString(7), row.GetInt64(8), row.GetInt64(9)),
        EnumText.Parse<BidOutcome>(row.GetString(10)),
        EnumText.Parse<RejectionReason>(row.GetString(11)),
        TermsDigest: row.GetString(12),
        Before: row.ReadState(14),
        After: row.ReadState(21),
        DecidedUs: row.GetInt64(13));
}

using System.Globalization;
using Auctions.Core;
using Npgsql;

namespace Auctions.Ctl.Verify;

/// <summary>An auction's row: the head that the ledger's last entry must have left.</summary>
/// <param name="TermsLine">As the row has it, well formed or not.</param>
/// <param name="Status">Its word, well formed or not; as <paramref name="EndReason"/>.</param>
/// <param name="TermsOfColumns">Whether <paramref name="TermsLine"/> is what the columns say that it is made of.</param>
/// <param name="NowUs">Postgres' clock at the reading, microseconds since 1970.</param>
public sealed record LedgerHead(
    Guid Id, string TermsLine, string TermsDigest, long Version, Guid Head, string Status, long Price, long Ceiling, string Leader,
    long EndUs, int Extensions, long BidCount, bool ReserveMet, string Winner, string EndReason, bool TermsOfColumns, long NowUs)
{
    /// <summary>The columns, in the order in which <see cref="Read"/> takes them.</summary>
    public const string Columns =
        "id, terms, terms_digest, version, head, status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, winner, end_reason, "
        + "terms = auction_terms(seller_id, currency, opening, reserve, buy_now, soft_close_window_us, soft_close_extension_us, max_extensions, start_us, increment), "
        + "(extract(epoch from clock_timestamp()) * 1000000)::bigint";

    public static LedgerHead Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetGuid(4), row.GetString(5), row.GetInt64(6), row.GetInt64(7),
        row.GetString(8), row.GetInt64(9), row.GetInt32(10), row.GetInt64(11), row.GetBoolean(12), row.GetString(13), row.GetString(14), row.GetBoolean(15), row.GetInt64(16));

    /// <summary>What Redis' hash must hold where it is there, by field.</summary>
    public IReadOnlyList<(string Field, string Value)> AsHash() =>
    [
        ("version", Digits(Version)), ("head", Head.ToString()), ("status", Status), ("price", Digits(Price)), ("ceiling", Digits(Ceiling)),
        ("leader", Leader), ("end_us", Digits(EndUs)), ("extensions", Digits(Extensions)), ("bid_count", Digits(BidCount)), ("terms", TermsLine),
    ];

    public bool IsOver => Status == EnumText.Of(AuctionStatus.Ended) || Status == EnumText.Of(AuctionStatus.Cancelled);

    private static string Digits(long number) => number.ToString(CultureInfo.InvariantCulture);
}

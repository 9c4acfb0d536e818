using System.Globalization;
using Npgsql;

namespace Auctions.Ctl.Inspect;

/// <summary>A row of the ledger as it stands there, for showing: nothing is interpreted.</summary>
/// <param name="Version">Null in a refusal, which then has a <paramref name="Basis"/>.</param>
public sealed record LedgerRow(
    Guid Id, Guid? Prev, long? Version, long? Basis, string Kind, string? BidKind, string? Bidder, Guid? Key, long? Amount, long? Max,
    string? Outcome, string? Reason, string? Status, long? Price, long? Ceiling, string? Leader, long? EndUs, long? BidCount,
    string? Winner, string? EndReason, string? Origin, long DecidedUs)
{
    /// <summary>The columns, in the order in which <see cref="Read"/> takes them.</summary>
    public const string Columns =
        "id, prev, version, basis, kind, bid_kind, bidder, key, amount, max, outcome, reason, status, price, ceiling, leader, end_us, bid_count, "
        + "winner, end_reason, origin, decided_us";

    public static LedgerRow Read(NpgsqlDataReader row)
    {
        return new LedgerRow(row.GetGuid(0), Value<Guid>(1), Value<long>(2), Value<long>(3), row.GetString(4), Text(5), Text(6), Value<Guid>(7),
            Value<long>(8), Value<long>(9), Text(10), Text(11), Text(12), Value<long>(13), Value<long>(14), Text(15), Value<long>(16), Value<long>(17),
            Text(18), Text(19), Text(20), row.GetInt64(21));

        T? Value<T>(int i) where T : struct => row.IsDBNull(i) ? null : row.GetFieldValue<T>(i);
        string? Text(int i) => row.IsDBNull(i) ? null : row.GetString(i);
    }

    /// <summary>What happened, in a few words.</summary>
    public string What => Kind switch
    {
        "bid" when Version is null => $"{BidKind} of {Bidder}, up to {Limit}: refused, {Reason} (on version {Basis})",
        "bid" => $"{BidKind} of {Bidder}, up to {Limit}: {Outcome}",
        "sealed" => $"sealed: {Status} {EndReason}, " + (string.IsNullOrEmpty(Winner) ? "no winner" : $"won by {Winner}"),
        _ => Kind,
    };

    /// <summary>When it was decided, UTC.</summary>
    public string When => DateTimeOffset.UnixEpoch.AddMicroseconds(DecidedUs).ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture);

    private long? Limit => Max is > 0 ? Max : Amount;
}

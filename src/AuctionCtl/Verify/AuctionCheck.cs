using System.Globalization;
using Auctions.Core;
using Npgsql;

namespace Auctions.Ctl.Verify;

/// <summary>Checks one auction from its row and its records, which were read at one moment. Pure.</summary>
public static class AuctionCheck
{
    /// <summary>I9: an auction is sealed within a second of its effective end.</summary>
    private const long SealLatenessUsMax = 1_000_000;

    public static IEnumerable<Violation> Of(LedgerHead row, AuctionRecords records)
    {
        var id = row.Id.ToString();
        foreach (var (invariant, version, detail) in records.Faults)
            yield return new Violation(invariant, id, version, detail);
        if (!row.TermsOfColumns)
            yield return new Violation("I6", id, row.Version, "the row's terms line does not match its columns");
        if (Terms.DigestOf(row.TermsLine) is var digest && digest != row.TermsDigest)
        {
            yield return new Violation(
                "I6", id, row.Version,
                $"the row's terms_digest is {row.TermsDigest}, the digest of its terms is {digest}");
        }

        if (!row.IsOver && row.NowUs - row.EndUs is var lateUs and > SealLatenessUsMax)
            yield return new Violation("I9", id, row.Version, $"its end was {lateUs / 1_000_000.0:0.0} s ago");
        foreach (var (invariant, version, detail) in CheckChain(row, records))
            yield return new Violation(invariant, id, version, detail);
    }

    private static IEnumerable<(string Invariant, long Version, string Detail)> CheckChain(
        LedgerHead row, AuctionRecords records)
    {
        var found = new List<(string, long, string)>();
        try
        {
            var terms = Terms.Parse(row.TermsLine);
            var state = new AuctionState(
                EnumText.Parse<AuctionStatus>(row.Status), row.Price, row.Ceiling, row.Leader, row.EndUs,
                row.Extensions, row.BidCount);
            var head = new ChainHead(
                new Head(row.Version, row.Head, terms, state), row.Winner, EnumText.Parse<EndReason>(row.EndReason));
            if (Rules.ReserveMet(terms, state) != row.ReserveMet)
                found.Add(("I1", row.Version, AuctionRecords.ReserveMetFault(row.ReserveMet, state, terms)));
            found.AddRange(ChainAudit.Check(row.Id, records.Entries, records.Answers, head)
                .Select(v => (v.Invariant, v.Version, $"{v.Field}: expected {v.Expected}, found {v.Actual}")));
            return found;
        }
        catch (FormatException e)
        {
            return [("I1", row.Version, $"the row cannot be parsed: {e.Message}")];
        }
    }
}

/// <summary>An auction's row. Its head must be the state after the ledger's last entry.</summary>
/// <param name="TermsLine">As the row has it, even if malformed.</param>
/// <param name="TermsOfColumns">Whether <paramref name="TermsLine"/> matches the columns of the terms.</param>
/// <param name="NowUs">Postgres' clock at the time of reading, microseconds since 1970.</param>
public sealed record LedgerHead(
    Guid Id, string TermsLine, string TermsDigest, long Version, Guid Head, string Status, long Price, long Ceiling,
    string Leader, long EndUs, int Extensions, long BidCount, bool ReserveMet, string Winner, string EndReason,
    bool TermsOfColumns, long NowUs)
{
    /// <summary>The columns, in the order in which <see cref="Read"/> takes them.</summary>
    public const string Columns =
        "id, terms, terms_digest, version, head, status, price, ceiling, leader, end_us, extensions, bid_count, "
        + "reserve_met, winner, end_reason, "
        + "terms = auction_terms(seller_id, currency, opening, reserve, buy_now, soft_close_window_us, "
        + "soft_close_extension_us, max_extensions, start_us, increment), "
        + "(extract(epoch from clock_timestamp()) * 1000000)::bigint";

    public bool IsOver => Status == EnumText.Of(AuctionStatus.Ended) || Status == EnumText.Of(AuctionStatus.Cancelled);

    public static LedgerHead Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetGuid(4), row.GetString(5),
        row.GetInt64(6), row.GetInt64(7), row.GetString(8), row.GetInt64(9), row.GetInt32(10), row.GetInt64(11),
        row.GetBoolean(12), row.GetString(13), row.GetString(14), row.GetBoolean(15), row.GetInt64(16));

    /// <summary>The fields that Redis' hash must have if Redis holds the auction.</summary>
    public IReadOnlyList<(string Field, string Value)> AsHash() =>
    [
        ("version", Digits(Version)), ("head", Head.ToString()), ("status", Status), ("price", Digits(Price)),
        ("ceiling", Digits(Ceiling)), ("leader", Leader), ("end_us", Digits(EndUs)), ("extensions", Digits(Extensions)),
        ("bid_count", Digits(BidCount)), ("terms", TermsLine),
    ];

    private static string Digits(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The ledger's records of one auction, read row by row, and the faults of each row in itself.</summary>
public sealed class AuctionRecords
{
    /// <summary>The columns, in the order in which <see cref="Add"/> takes them.</summary>
    public const string Columns =
        "auction_id, id, prev, version, basis, kind, bid_kind, bidder, key, currency, amount, max, outcome, reason, "
        + "terms_digest, terms, decided_us, status, price, ceiling, leader, end_us, extensions, bid_count, "
        + "reserve_met, winner, end_reason";

    // The ledger stores no state with a rejected bid: its state is that of its basis, which the audit knows.
    private static readonly AuctionState NoState = AuctionState.Opened(AuctionStatus.Active, 0);

    private readonly List<LedgerEntry> _entries = [];
    private readonly List<DecidedBid> _answers = [];
    private readonly List<(string Invariant, long? Version, string Detail)> _faults = [];
    private Terms? _terms;

    /// <summary>In the order in which they were added.</summary>
    public IReadOnlyList<LedgerEntry> Entries => _entries;

    /// <summary>The answers to bids, accepted and rejected.</summary>
    public IReadOnlyList<DecidedBid> Answers => _answers;

    /// <summary>Rows that cannot be parsed or that contradict themselves.</summary>
    public IReadOnlyList<(string Invariant, long? Version, string Detail)> Faults => _faults;

    /// <summary>Adds the reader's row. Entries come in version order, rejected bids after them.</summary>
    public void Add(NpgsqlDataReader row)
    {
        long? version = row.IsDBNull(3) ? null : row.GetInt64(3);
        try
        {
            if (version is { } number) AddEntry(row, number);
            else AddAnswer(row, row.GetInt64(4), NoState);
        }
        catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException)
        {
            _faults.Add(("I1", version, $"the record {row.GetGuid(1)} cannot be parsed: {e.Message}"));
        }
    }

    internal static string ReserveMetFault(bool found, AuctionState state, Terms terms) =>
        $"reserve_met is {found}, the price {state.Price}, the reserve {terms.Reserve}";

    private void AddEntry(NpgsqlDataReader row, long version)
    {
        var kind = EnumText.Parse<EntryKind>(row.GetString(5));
        var after = new AuctionState(
            EnumText.Parse<AuctionStatus>(row.GetString(17)), row.GetInt64(18), row.GetInt64(19), row.GetString(20),
            row.GetInt64(21), row.GetInt32(22), row.GetInt64(23));
        var terms = row.IsDBNull(15) ? null : Terms.Parse(row.GetString(15));
        _terms = terms ?? _terms;
        if (_terms is { } inForce)
        {
            if (inForce.Digest != row.GetString(14))
            {
                _faults.Add(("I6", version,
                    $"terms_digest is {row.GetString(14)}, the digest of the terms in force is {inForce.Digest}"));
            }

            if (Rules.ReserveMet(inForce, after) != row.GetBoolean(24))
                _faults.Add(("I1", version, ReserveMetFault(row.GetBoolean(24), after, inForce)));
        }

        var isBid = kind == EntryKind.Bid;
        _entries.Add(new LedgerEntry(
            version, row.GetGuid(1), row.IsDBNull(2) ? Guid.Empty : row.GetGuid(2), kind, isBid ? BidOf(row) : null,
            isBid ? EnumText.Parse<BidOutcome>(row.GetString(12)) : default, after, row.GetInt64(16), terms,
            row.IsDBNull(25) ? "" : row.GetString(25),
            row.IsDBNull(26) ? EndReason.None : EnumText.Parse<EndReason>(row.GetString(26))));
        if (isBid) AddAnswer(row, version, after);
    }

    private void AddAnswer(NpgsqlDataReader row, long version, AuctionState after) => _answers.Add(new DecidedBid(
        row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), version, BidOf(row),
        EnumText.Parse<BidOutcome>(row.GetString(12)), EnumText.Parse<RejectionReason>(row.GetString(13)),
        row.GetString(14), NoState, after, row.GetInt64(16)));

    private static Bid BidOf(NpgsqlDataReader row) => new(
        row.GetString(7), row.GetGuid(8), EnumText.Parse<BidKind>(row.GetString(6)), row.GetString(9), row.GetInt64(10),
        row.GetInt64(11));
}

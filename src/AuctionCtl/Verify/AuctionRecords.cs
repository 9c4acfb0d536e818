using Auctions.Core;
using Npgsql;

namespace Auctions.Ctl.Verify;

/// <summary>The ledger's records of one auction, read row by row, and what is wrong with a row in itself.</summary>
public sealed class AuctionRecords
{
    /// <summary>The columns, in the order in which <see cref="Add"/> takes them.</summary>
    public const string Columns =
        "auction_id, id, prev, version, basis, kind, bid_kind, bidder, key, currency, amount, max, outcome, reason, terms_digest, terms, decided_us, "
        + "status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, winner, end_reason";

    // Of a refusal the ledger holds no state: its state is its basis', which the audit knows.
    private static readonly AuctionState None = AuctionState.Opened(AuctionStatus.Active, 0);

    private readonly List<LedgerEntry> _entries = [];
    private readonly List<DecidedBid> _answers = [];
    private readonly List<(string Invariant, long? Version, string Detail)> _faults = [];
    private Terms? _terms;

    /// <summary>In the order added.</summary>
    public IReadOnlyList<LedgerEntry> Entries => _entries;

    /// <summary>Answers to bids, accepted and refused.</summary>
    public IReadOnlyList<DecidedBid> Answers => _answers;

    /// <summary>What cannot be read, or contradicts itself.</summary>
    public IReadOnlyList<(string Invariant, long? Version, string Detail)> Faults => _faults;

    /// <summary>Takes the reader's row: entries in version order, refusals after them.</summary>
    public void Add(NpgsqlDataReader row)
    {
        long? version = row.IsDBNull(3) ? null : row.GetInt64(3);
        try
        {
            if (version is { } number) AddEntry(row, number);
            else AddAnswer(row, row.GetInt64(4), None);
        }
        catch (Exception e) when (e is FormatException or InvalidCastException or OverflowException)
        {
            _faults.Add(("I1", version, $"the record {row.GetGuid(1)} cannot be read: {e.Message}"));
        }
    }

    private void AddEntry(NpgsqlDataReader row, long version)
    {
        var kind = EnumText.Parse<EntryKind>(row.GetString(5));
        var after = new AuctionState(EnumText.Parse<AuctionStatus>(row.GetString(17)), row.GetInt64(18), row.GetInt64(19), row.GetString(20),
            row.GetInt64(21), row.GetInt32(22), row.GetInt64(23));
        var terms = row.IsDBNull(15) ? null : Terms.Parse(row.GetString(15));
        _terms = terms ?? _terms;
        if (_terms is not null && _terms.Digest != row.GetString(14))
            _faults.Add(("I6", version, $"terms_digest is {row.GetString(14)}, that of the terms in force {_terms.Digest}"));
        if (_terms is not null && Rules.ReserveMet(_terms, after) != row.GetBoolean(24))
            _faults.Add(("I1", version, $"reserve_met is {row.GetBoolean(24)} at price {after.Price}, and the reserve {_terms.Reserve}"));
        var isBid = kind == EntryKind.Bid;
        _entries.Add(new LedgerEntry(version, row.GetGuid(1), row.IsDBNull(2) ? Guid.Empty : row.GetGuid(2), kind, isBid ? BidOf(row) : null,
            isBid ? EnumText.Parse<BidOutcome>(row.GetString(12)) : default, after, row.GetInt64(16), terms,
            row.IsDBNull(25) ? "" : row.GetString(25), row.IsDBNull(26) ? EndReason.None : EnumText.Parse<EndReason>(row.GetString(26))));
        if (isBid) AddAnswer(row, version, after);
    }

    private void AddAnswer(NpgsqlDataReader row, long version, AuctionState after) => _answers.Add(new DecidedBid(
        row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), version, BidOf(row), EnumText.Parse<BidOutcome>(row.GetString(12)),
        EnumText.Parse<RejectionReason>(row.GetString(13)), row.GetString(14), None, after, row.GetInt64(16)));

    private static Bid BidOf(NpgsqlDataReader row) => new(
        row.GetString(7), row.GetGuid(8), EnumText.Parse<BidKind>(row.GetString(6)), row.GetString(9), row.GetInt64(10), row.GetInt64(11));
}

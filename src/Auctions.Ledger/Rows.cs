using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

// Only this file knows which columns are read, and in which order. Add a new column here and in a migration.

/// <summary>
/// A row of <c>auctions</c>, with its secrets: reserve and ceiling. Amounts are in minor units, times in microseconds
/// since 1970.
/// </summary>
/// <param name="CreateKey">The seller's idempotency key.</param>
/// <param name="CreateDigest">The digest of the seller's request with this key.</param>
/// <param name="OriginalEndUs">The planned end. The state's end moves with soft close.</param>
/// <param name="OutsideVersion">The version of the last entry that Redis did not propose.</param>
/// <param name="Winner">Empty until the auction has ended and the lot is sold.</param>
/// <param name="CancelReason">
/// Why it was cancelled or ended early, in the words of who did it. Everybody may read it.
/// </param>
/// <param name="Stored">The terms and the state as stored. They may be malformed.</param>
public sealed record AuctionRow(
    Guid Id,
    Guid CreateKey,
    string CreateDigest,
    string Title,
    string Description,
    IReadOnlyList<string> MediaUrls,
    string Category,
    string PostId,
    long OriginalEndUs,
    long CreatedUs,
    bool ReserveMet,
    long OutsideVersion,
    string Winner,
    string EndReasonText,
    string CancelReason,
    StoredHead Stored)
{
    /// <summary>The select list from <c>auctions</c> that <see cref="Read"/> expects.</summary>
    public const string Columns = StoredHead.Columns
        + ", create_key, create_digest, title, description, media_urls, category, post_id, original_end_us, "
        + "created_us, reserve_met, outside_version, winner, end_reason, cancel_reason, now_us()";

    /// <summary>The number of <see cref="Columns"/>. A select list may have further columns after them.</summary>
    public const int ColumnCount = StoredHead.ColumnCount + 15;

    /// <summary>The ledger's clock when the row was read.</summary>
    public long ReadUs { get; init; }

    private Head? _head;

    /// <summary>The time at which the last entry was decided.</summary>
    public long DecidedUs => Stored.DecidedUs;

    /// <summary>Terms, state and version.</summary>
    /// <exception cref="UnreadableAuctionException">The row's terms or state cannot be read.</exception>
    public Head Head => _head ??= Stored.Parse();

    /// <summary>Why <see cref="Head"/> cannot be read; null if it can.</summary>
    public UnreadableAuctionException? Fault
    {
        get
        {
            try
            {
                _ = Head;
                return null;
            }
            catch (UnreadableAuctionException e)
            {
                return e;
            }
        }
    }

    /// <summary>Whether the auction is sealed. It can be read from every row.</summary>
    public bool IsOver => Stored.State.Status is "ended" or "cancelled";

    /// <exception cref="FormatException">The row's end reason cannot be parsed.</exception>
    public EndReason EndReason => EnumText.Parse<EndReason>(EndReasonText);

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    public static AuctionRow Read(NpgsqlDataReader row)
    {
        var at = StoredHead.ColumnCount;
        return new AuctionRow(
            Id: row.GetGuid(0),
            CreateKey: row.GetGuid(at++),
            CreateDigest: row.GetString(at++),
            Title: row.GetString(at++),
            Description: row.GetString(at++),
            MediaUrls: [.. ((Array)row.GetValue(at++)).OfType<string>()], // a hand may have set nulls
            Category: row.GetString(at++),
            PostId: row.GetString(at++),
            OriginalEndUs: row.GetInt64(at++),
            CreatedUs: row.GetInt64(at++),
            ReserveMet: row.GetBoolean(at++),
            OutsideVersion: row.GetInt64(at++),
            Winner: row.GetString(at++),
            EndReasonText: row.GetString(at++),
            CancelReason: row.GetString(at++),
            Stored: StoredHead.Read(row))
        {
            ReadUs = row.GetInt64(at),
        };
    }
}

/// <summary>The head of an auction's chain as its row stores it. It may be malformed.</summary>
/// <param name="EntryId">The last entry's id.</param>
/// <param name="TermsLine">See <see cref="Terms.Line"/>.</param>
/// <param name="DecidedUs">The time at which the last entry was decided.</param>
public sealed record StoredHead(
    Guid AuctionId, long Version, Guid EntryId, string TermsLine, string TermsDigest, long DecidedUs,
    StoredState State)
{
    /// <summary>The select list from <c>auctions</c> that <see cref="Read"/> expects.</summary>
    public const string Columns = "id, version, head, terms, terms_digest, decided_us, " + StoredState.Columns;

    public const int ColumnCount = 6 + StoredState.ColumnCount;

    /// <exception cref="UnreadableAuctionException">The terms or the state cannot be read.</exception>
    public Head Parse()
    {
        try
        {
            return new Head(Version, EntryId, Terms.Parse(TermsLine), State.ParseHead(), DecidedUs);
        }
        catch (StoredValueException e)
        {
            throw new UnreadableAuctionException(AuctionId, e);
        }
    }

    /// <summary>Reads the first columns of a row.</summary>
    public static StoredHead Read(NpgsqlDataReader row) =>
        new(row.GetGuid(0), row.GetInt64(1), row.GetGuid(2), row.GetString(3), row.GetString(4),
            row.GetInt64(5), StoredState.Read(row, 6));
}

/// <summary>
/// The row of one auction cannot be read: somebody set a value by hand when the ledger did not refuse it yet. The
/// auction takes no bids, is shown as far as it can be read, and ends as every auction. An operator corrects the value.
/// The message is for operators: it may name a reserve or a ceiling.
/// </summary>
public sealed class UnreadableAuctionException(Guid auctionId, StoredValueException fault)
    : FormatException($"Auction {auctionId} cannot be read: {fault.Message}.", fault)
{
    public Guid AuctionId { get; } = auctionId;

    /// <summary>Column and rule, without the value, which may be a secret.</summary>
    public string Rule { get; } = $"{fault.Column} {fault.Rule}";
}

/// <summary>An auction's state as a row stores it. It may be malformed.</summary>
public sealed record StoredState(
    string Status, long Price, long Ceiling, string Leader, long EndUs, int Extensions, long BidCount)
{
    /// <summary>The names of the columns, which are the same in <c>auctions</c> and <c>ledger</c>.</summary>
    public const string Columns = "status, price, ceiling, leader, end_us, extensions, bid_count";

    public const int ColumnCount = 7;

    /// <exception cref="FormatException">The status cannot be parsed.</exception>
    public AuctionState Parse() =>
        new(EnumText.Parse<AuctionStatus>(Status), Price, Ceiling, Leader, EndUs, Extensions, BidCount);

    /// <summary>
    /// The same, if the rules and the scripts can work with the numbers and the leader. A state that bids do not leave
    /// is read too.
    /// </summary>
    /// <exception cref="StoredValueException">The state cannot be read.</exception>
    public AuctionState ParseHead()
    {
        Check(Price, "price", Currency.MaxAmount);
        Check(Ceiling, "ceiling", Currency.MaxAmount);
        Check(EndUs, "end_us", Currency.MaxAmount);
        Check(Extensions, "extensions", int.MaxValue);
        Check(BidCount, "bid_count", Currency.MaxAmount);
        if (Leader.Length > 0 && !StoredValues.IsSubject(Leader))
            throw new StoredValueException("leader", Leader, "must be empty or a bidder");
        try
        {
            return Parse();
        }
        catch (FormatException)
        {
            throw new StoredValueException("status", Status, "must be a status");
        }

        static void Check(long value, string column, long max)
        {
            if (value < 0 || value > max)
                throw new StoredValueException(column, FormattableString.Invariant($"{value}"), $"must be 0 to {max}");
        }
    }

    /// <param name="at">The index of the first column.</param>
    public static StoredState Read(NpgsqlDataReader row, int at) => new(
        row.GetString(at), row.GetInt64(at + 1), row.GetInt64(at + 2), row.GetString(at + 3),
        row.GetInt64(at + 4), row.GetInt32(at + 5), row.GetInt64(at + 6));
}

/// <summary>A row of <c>ledger</c>: an entry of an auction's chain, or a rejected bid, which has no version.</summary>
/// <param name="Prev">The id of the entry on which it was decided; null in the opening entry.</param>
/// <param name="Basis">In a rejected bid: the version of that entry. Otherwise null.</param>
/// <param name="Kind">The stored word. This and every other word of the row may be malformed.</param>
/// <param name="TermsLine">In opening and amended entries: the new terms. Otherwise null.</param>
/// <param name="Origin">The source of the entry: redis (the bid path), lifecycle or operator.</param>
/// <param name="RulesVersion">See <see cref="Rules.Version"/>.</param>
/// <param name="RecordedUs">When the transaction that recorded it began, by Postgres' clock.</param>
/// <param name="State">The state after the entry; null in a rejected bid, which changes nothing.</param>
public sealed record LedgerRow(
    Guid AuctionId,
    Guid Id,
    Guid? Prev,
    long? Version,
    long? Basis,
    string Kind,
    string Origin,
    string? BidKind,
    string? Bidder,
    Guid? Key,
    string? Currency,
    long? Amount,
    long? Max,
    string? Outcome,
    string? Reason,
    string TermsDigest,
    string? TermsLine,
    long DecidedUs,
    StoredState? State,
    bool? ReserveMet,
    string? Winner,
    string? EndReason,
    int RulesVersion,
    long RecordedUs)
{
    /// <summary>The select list from <c>ledger</c> that <see cref="Read"/> expects.</summary>
    public const string Columns =
        "auction_id, id, prev, version, basis, kind, origin, bid_kind, bidder, key, currency, amount, max, outcome, "
        + "reason, terms_digest, terms, decided_us, reserve_met, winner, end_reason, rules, "
        + "(extract(epoch from recorded_at) * 1000000)::bigint, " + StoredState.Columns;

    private const int StateAt = 23;

    /// <summary>Reads a row of <see cref="Columns"/>.</summary>
    public static LedgerRow Read(NpgsqlDataReader row)
    {
        return new LedgerRow(
            AuctionId: row.GetGuid(0), Id: row.GetGuid(1), Prev: Value<Guid>(2),
            Version: Value<long>(3), Basis: Value<long>(4),
            Kind: row.GetString(5), Origin: row.GetString(6), BidKind: Text(7), Bidder: Text(8), Key: Value<Guid>(9),
            Currency: Text(10), Amount: Value<long>(11), Max: Value<long>(12), Outcome: Text(13), Reason: Text(14),
            TermsDigest: row.GetString(15), TermsLine: Text(16), DecidedUs: row.GetInt64(17),
            State: HasState() ? StoredState.Read(row, StateAt) : null,
            ReserveMet: Value<bool>(18), Winner: Text(19), EndReason: Text(20), RulesVersion: row.GetInt16(21),
            RecordedUs: row.GetInt64(22));

        bool HasState() => !Enumerable.Range(StateAt, StoredState.ColumnCount).Any(row.IsDBNull);
        T? Value<T>(int i) where T : struct => row.IsDBNull(i) ? null : row.GetFieldValue<T>(i);
        string? Text(int i) => row.IsDBNull(i) ? null : row.GetString(i);
    }

    /// <summary>Converts the row to an entry.</summary>
    /// <exception cref="FormatException">The row is a rejected bid, or one of its words cannot be parsed.</exception>
    public LedgerEntry Entry() => new(
        Version ?? throw Without("version"),
        Id,
        Prev ?? Guid.Empty,
        EnumText.Parse<EntryKind>(Kind),
        BidKind is null ? null : Bid(),
        BidKind is null ? default : EnumText.Parse<BidOutcome>(Outcome),
        (State ?? throw Without("state")).Parse(),
        DecidedUs,
        TermsLine is null ? null : Terms.Parse(TermsLine),
        Winner ?? "",
        EnumText.Parse<EndReason>(EndReason ?? ""))
    {
        RulesVersion = RulesVersion,
    };

    /// <summary>The answer to a bid that this row is. The row itself does not have the states.</summary>
    /// <exception cref="FormatException">It answers no bid, or a word of it cannot be parsed.</exception>
    public DecidedBid Answer(AuctionState before, AuctionState after) => new(
        AuctionId,
        Id,
        Prev ?? Guid.Empty,
        Version ?? Basis ?? throw Without("basis"),
        Bid(),
        EnumText.Parse<BidOutcome>(Outcome),
        EnumText.Parse<RejectionReason>(Reason ?? throw Without("reason")),
        TermsDigest,
        before,
        after,
        DecidedUs)
    {
        RulesVersion = RulesVersion,
    };

    private Bid Bid() => new(
        Bidder ?? throw Without("bidder"), Key ?? throw Without("key"), EnumText.Parse<BidKind>(BidKind),
        Currency ?? throw Without("currency"), Amount ?? throw Without("amount"), Max ?? throw Without("max"));

    private FormatException Without(string column) => new($"Row {Id} of the ledger has no {column}.");
}

internal static class AnswerRow
{
    /// <summary>
    /// Reads a row of the view <c>answers</c>: an accepted or rejected bid of the ledger, with the states before and
    /// after it.
    /// </summary>
    public static DecidedBid Read(NpgsqlDataReader row) => new(
        AuctionId: row.GetGuid(0),
        Id: row.GetGuid(1),
        Prev: row.GetGuid(2),
        Version: row.GetInt64(3),
        new Bid(
            row.GetString(5), row.GetGuid(6), EnumText.Parse<BidKind>(row.GetString(4)),
            row.GetString(7), row.GetInt64(8), row.GetInt64(9)),
        EnumText.Parse<BidOutcome>(row.GetString(10)),
        EnumText.Parse<RejectionReason>(row.GetString(11)),
        TermsDigest: row.GetString(12),
        Before: StoredState.Read(row, 14).Parse(),
        After: StoredState.Read(row, 21).Parse(),
        DecidedUs: row.GetInt64(13));
}

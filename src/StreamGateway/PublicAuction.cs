using Auctions.Core;
using Auctions.Events;

namespace StreamGateway;

/// <summary>
/// What anyone may know of an auction at one version of its ledger: the columns of its row that the publication
/// contains. The type has no ceiling and no reserve, so a frame cannot reveal them. Amounts are in minor units, 0 =
/// none; times are in microseconds since 1970.
/// </summary>
internal sealed record PublicAuction
{
    public required Guid Id { get; init; }
    public required long Version { get; init; }
    public required AuctionStatus Status { get; init; }
    public required string Currency { get; init; }
    public required long Opening { get; init; }

    /// <summary>Null if the stored text is not an increment: then no minimum bid is shown.</summary>
    public required Increment? Increment { get; init; }
    public required long Price { get; init; }
    public required string Leader { get; init; }
    public required long EndUs { get; init; }
    public required int Extensions { get; init; }
    public required long BidCount { get; init; }
    public required bool ReserveMet { get; init; }
    public required string Winner { get; init; }
    public required EndReason EndReason { get; init; }

    /// <summary>No version follows this one.</summary>
    public bool IsOver => Status is AuctionStatus.Ended or AuctionStatus.Cancelled;

    /// <summary>
    /// The least amount of the next bid, whatever the reserve and the ceiling are. Null if no bid can follow, or
    /// if it is not known.
    /// </summary>
    public long? MinimumBid
    {
        get
        {
            if (Increment is null) return null;
            var terms = new Terms("", Currency, Opening, 0, 0, Increment, SoftClose.None, 0);
            var state = new AuctionState(Status, Price, 0, Leader, EndUs, Extensions, BidCount);
            return Rules.CanBeBidOn(terms, state) ? Rules.MinimumBid(terms, state) : null;
        }
    }

    /// <summary>Reads the row of a change event of the topic <see cref="KafkaTopics.Auctions"/>.</summary>
    /// <exception cref="FormatException">A column is missing or malformed; the message names it.</exception>
    public static PublicAuction Parse(in Change change) => Parse(change.ReadAfter());

    /// <summary>Reads a row as JSON, with the columns of the publication.</summary>
    /// <inheritdoc cref="Parse(in Change)"/>
    public static PublicAuction Parse(byte[] row) => Parse(new RowReader(row, "row"));

    private static PublicAuction Parse(RowReader row)
    {
        var columns = new PublicAuctionColumns();
        while (row.Read()) columns.Take(ref row);
        return columns.Build();
    }
}

/// <summary>
/// The columns that are read so far. They come in any order, and columns that are unknown here are skipped.
/// </summary>
internal struct PublicAuctionColumns
{
    private Guid? _id;
    private long? _version, _opening, _price, _endUs, _bidCount;
    private int? _extensions;
    private bool? _reserveMet;
    private string? _status, _currency, _increment, _leader, _winner, _endReason;

    public void Take(ref RowReader row)
    {
        if (row.Is("id"u8)) _id = row.Uuid();
        else if (row.Is("version"u8)) _version = row.Int64();
        else if (row.Is("status"u8)) _status = row.Text();
        else if (row.Is("currency"u8)) _currency = row.Text();
        else if (row.Is("opening"u8)) _opening = row.Int64();
        else if (row.Is("increment"u8)) _increment = row.Text();
        else if (row.Is("price"u8)) _price = row.Int64();
        else if (row.Is("leader"u8)) _leader = row.Text();
        else if (row.Is("end_us"u8)) _endUs = row.Int64();
        else if (row.Is("extensions"u8)) _extensions = row.Int32();
        else if (row.Is("bid_count"u8)) _bidCount = row.Int64();
        else if (row.Is("reserve_met"u8)) _reserveMet = row.Boolean();
        else if (row.Is("winner"u8)) _winner = row.Text();
        else if (row.Is("end_reason"u8)) _endReason = row.Text();
    }

    public readonly PublicAuction Build() => new()
    {
        Id = _id ?? throw Missing("id"),
        Version = _version ?? throw Missing("version"),
        Status = EnumText.Parse<AuctionStatus>(_status ?? throw Missing("status")),
        Currency = _currency ?? throw Missing("currency"),
        Opening = _opening ?? throw Missing("opening"),
        Increment = ParseIncrement(_increment ?? throw Missing("increment")),
        Price = _price ?? throw Missing("price"),
        Leader = _leader ?? throw Missing("leader"),
        EndUs = _endUs ?? throw Missing("end_us"),
        Extensions = _extensions ?? throw Missing("extensions"),
        BidCount = _bidCount ?? throw Missing("bid_count"),
        ReserveMet = _reserveMet ?? throw Missing("reserve_met"),
        Winner = _winner ?? throw Missing("winner"),
        EndReason = EnumText.Parse<EndReason>(_endReason ?? throw Missing("end_reason")),
    };

    /// <summary>An auction whose increment somebody set to nonsense is shown as far as it can be read.</summary>
    private static Increment? ParseIncrement(string text)
    {
        try
        {
            return Increment.Parse(text);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static MalformedEnvelopeException Missing(string column) => new($"after.{column}", "it is missing.");
}

using Auctions.Core;
using Auctions.Events;

namespace StreamGateway;

/// <summary>
/// What anyone may know of an auction at one version of its ledger: the columns of its row that the publication has, so that a
/// ceiling or a reserve cannot be told even by mistake. Amounts in minor units, 0 = none; times in microseconds since 1970.
/// </summary>
public sealed record PublicAuction
{
    public required Guid Id { get; init; }
    public required long Version { get; init; }
    public required AuctionStatus Status { get; init; }
    public required string Currency { get; init; }
    public required long Opening { get; init; }
    public required Increment Increment { get; init; }
    public required long Price { get; init; }
    public required string Leader { get; init; }
    public required long EndUs { get; init; }
    public required int Extensions { get; init; }
    public required long BidCount { get; init; }
    public required bool ReserveMet { get; init; }
    public required string Winner { get; init; }
    public required EndReason EndReason { get; init; }

    /// <summary>Nothing follows this version.</summary>
    public bool IsOver => Status is AuctionStatus.Ended or AuctionStatus.Cancelled;

    /// <summary>The least that the next bid must be. Neither the reserve nor the ceiling has a part in it.</summary>
    public long MinimumBid => Rules.MinimumBid(
        new Terms("", Currency, Opening, 0, 0, Increment, SoftClose.None, 0),
        new AuctionState(Status, Price, 0, Leader, EndUs, Extensions, BidCount));

    /// <summary>Reads a row of the topic <see cref="KafkaTopics.Auctions"/>.</summary>
    /// <exception cref="FormatException">A column is missing or is not what it should be; the message names it.</exception>
    public static PublicAuction Of(in Change change) => Of(change.ReadAfter());

    /// <summary>Reads a row as JSON.</summary>
    /// <inheritdoc cref="Of(in Change)"/>
    public static PublicAuction Of(byte[] row) => Of(new RowReader(row, "row"));

    private static PublicAuction Of(RowReader row)
    {
        var columns = new PublicAuctionColumns();
        while (row.Read()) columns.Take(ref row);
        return columns.Build();
    }
}

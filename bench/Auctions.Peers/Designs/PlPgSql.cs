using System.Collections.Concurrent;
using System.Data.Common;
using Auctions.Core;
using BiddingService;
using Npgsql;

namespace Auctions.Peers.Designs;

/// <summary>
/// One function call for each bid. The function decides under the row's lock, and its statement is the transaction.
/// </summary>
internal sealed class PlPgSql(NpgsqlDataSource source, TimeProvider timeProvider) : IPeerDesign
{
    private const string Call =
        $"select r.terms, r.replayed, (r.bid).* from peer.place_bid($1, $2, $3, $4, $5, $6, $7, $8) r";

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Call, connection);
        var p = command.Parameters;
        p.Add(new NpgsqlParameter<Guid> { TypedValue = auctionId });
        p.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7(timeProvider.GetUtcNow()) });
        p.Add(new NpgsqlParameter<string> { TypedValue = bid.Bidder });
        p.Add(new NpgsqlParameter<Guid> { TypedValue = bid.Key });
        p.Add(new NpgsqlParameter<string> { TypedValue = EnumText.Of(bid.Kind) });
        p.Add(new NpgsqlParameter<string> { TypedValue = bid.Currency });
        p.Add(new NpgsqlParameter<long> { TypedValue = bid.Amount });
        p.Add(new NpgsqlParameter<long> { TypedValue = bid.Max });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken) || row.IsDBNull(0)) throw new AuctionNotFoundException(auctionId);
        var answer = new BidAnswer(BidRows.ReadBid(row, 2), BidRows.ParseTerms(row.GetString(0)), row.GetBoolean(1));

        // The server sends the row before it commits. Reading on waits for the end of the statement: the commit.
        await row.ReadAsync(cancellationToken);
        return answer;
    }
}

/// <summary>Maps rows of <c>peer.bids</c> and <c>peer.auctions</c>, for all designs.</summary>
internal static class BidRows
{
    /// <summary>The columns of peer.bids in the order that <see cref="ReadBid"/> expects.</summary>
    public const string Columns =
        "auction_id, id, version, bidder, key, kind, currency, amount, max, outcome, reason, decided_us, "
        + "status, price, ceiling, leader, end_us, extensions, bid_count";

    /// <summary>Many auctions have the same terms: each line is parsed once.</summary>
    private static readonly ConcurrentDictionary<string, Terms> Terms = new();

    public static Terms ParseTerms(string line) => Terms.GetOrAdd(line, Core.Terms.Parse);

    /// <summary>
    /// Reads status, price, ceiling, leader, end_us, extensions and bid_count, starting at column
    /// <paramref name="from"/>.
    /// </summary>
    public static AuctionState ReadState(DbDataReader row, int from) => new(
        EnumText.Parse<AuctionStatus>(row.GetString(from)), row.GetInt64(from + 1), row.GetInt64(from + 2),
        row.GetString(from + 3), row.GetInt64(from + 4), row.GetInt32(from + 5), row.GetInt64(from + 6));

    /// <summary>
    /// Reads <see cref="Columns"/>, starting at column <paramref name="from"/>. The peers do not store the state before
    /// the bid: the result has the state after it in both places.
    /// </summary>
    public static DecidedBid ReadBid(DbDataReader row, int from)
    {
        var after = ReadState(row, from + 12);
        var bid = new Bid(row.GetString(from + 3), row.GetGuid(from + 4),
            EnumText.Parse<BidKind>(row.GetString(from + 5)), row.GetString(from + 6), row.GetInt64(from + 7),
            row.GetInt64(from + 8));
        return new DecidedBid(row.GetGuid(from), row.GetGuid(from + 1), Guid.Empty, row.GetInt64(from + 2), bid,
            EnumText.Parse<BidOutcome>(row.GetString(from + 9)),
            EnumText.Parse<RejectionReason>(row.GetString(from + 10)), "", after, after, row.GetInt64(from + 11));
    }
}

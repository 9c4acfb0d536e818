using System.Collections.Concurrent;
using System.Data.Common;
using Auctions.Core;

namespace Auctions.Peers.Designs;

/// <summary>Rows of <c>peer.bids</c> and <c>peer.auctions</c>, and what they say.</summary>
internal static class BidRows
{
    /// <summary>Of peer.bids, in the order in which <see cref="ReadBid"/> takes them.</summary>
    public const string Columns = "auction_id, id, version, bidder, key, kind, currency, amount, max, outcome, reason, decided_us, "
        + "status, price, ceiling, leader, end_us, extensions, bid_count";

    /// <summary>Few lines, many auctions: parsed once.</summary>
    private static readonly ConcurrentDictionary<string, Terms> Terms = new();

    public static Terms ParseTerms(string line) => Terms.GetOrAdd(line, Core.Terms.Parse);

    /// <summary>Status, price, ceiling, leader, end_us, extensions, bid_count, from that column on.</summary>
    public static AuctionState ReadState(DbDataReader row, int from) => new(
        EnumText.Parse<AuctionStatus>(row.GetString(from)), row.GetInt64(from + 1), row.GetInt64(from + 2), row.GetString(from + 3),
        row.GetInt64(from + 4), row.GetInt32(from + 5), row.GetInt64(from + 6));

    /// <summary>The columns above, from that column on. What it was decided on is not kept: it counts as unchanged.</summary>
    public static DecidedBid ReadBid(DbDataReader row, int from)
    {
        var after = ReadState(row, from + 12);
        var bid = new Bid(row.GetString(from + 3), row.GetGuid(from + 4), EnumText.Parse<BidKind>(row.GetString(from + 5)),
            row.GetString(from + 6), row.GetInt64(from + 7), row.GetInt64(from + 8));
        return new DecidedBid(row.GetGuid(from), row.GetGuid(from + 1), Guid.Empty, row.GetInt64(from + 2), bid,
            EnumText.Parse<BidOutcome>(row.GetString(from + 9)), EnumText.Parse<RejectionReason>(row.GetString(from + 10)), "", after, after,
            row.GetInt64(from + 11));
    }
}

using Auctions.Core;
using BiddingService;

namespace Auctions.Peers;

/// <summary>
/// A way of taking bids. Every design gives callers the promises of this system: an answer, even a rejection, is in
/// Postgres and fsynced before it is given, and the same key gets the first answer again.
/// </summary>
internal interface IPeerDesign
{
    /// <exception cref="AuctionNotFoundException">There is no such auction.</exception>
    Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken);
}

/// <summary>The names of the designs in settings and reports.</summary>
internal static class PeerDesigns
{
    public const string ForUpdate = "for_update", ForUpdateBatched = "for_update_batched", PlPgSql = "plpgsql",
        RedisLock = "redis_lock", Echo = "echo";

    public static readonly string[] All = [ForUpdate, ForUpdateBatched, PlPgSql, RedisLock, Echo];
}

/// <summary>Decides nothing and stores nothing. It shows what the gRPC front alone costs.</summary>
internal sealed class Echo : IPeerDesign
{
    private static readonly Terms Terms =
        new("seller", "USD", 1_000, 0, 0, new Increment.Fixed(100), SoftClose.None, 0);

    public Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        var state = new AuctionState(
            AuctionStatus.Active, bid.Limit, bid.Limit, bid.Bidder, long.MaxValue / 100, 0, 1);
        var decided = new DecidedBid(auctionId, bid.Key, Guid.Empty, 1, bid, BidOutcome.Leading, RejectionReason.None,
            Terms.Digest, state, state, 0);
        return Task.FromResult(new BidAnswer(decided, Terms, Replayed: false));
    }
}

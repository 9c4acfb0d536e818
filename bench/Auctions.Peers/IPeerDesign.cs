using Auctions.Core;
using BiddingService;

namespace Auctions.Peers;

/// <summary>A way of taking bids. Each gives the promises that a caller sees of ours: an answer, a refusal too, is in Postgres and
/// fsynced before it is given; the same key gives the first answer again.</summary>
internal interface IPeerDesign
{
    /// <exception cref="AuctionNotFoundException">There is no such auction.</exception>
    Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken);
}

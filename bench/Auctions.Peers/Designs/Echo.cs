using Auctions.Core;
using BiddingService;

namespace Auctions.Peers.Designs;

/// <summary>Decides nothing and keeps nothing: what the front alone costs.</summary>
internal sealed class Echo : IPeerDesign
{
    private static readonly Terms Terms =
        new("seller", "USD", 1_000, 0, 0, new Increment.Fixed(100), SoftClose.None, 0);

    public Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        var state = new AuctionState(AuctionStatus.Active, bid.Limit, bid.Limit, bid.Bidder, long.MaxValue / 100, 0, 1);
        return Task.FromResult(new BidAnswer(new DecidedBid(auctionId, bid.Key, Guid.Empty, 1, bid, BidOutcome.Leading,
            RejectionReason.None, Terms.Digest, state, state, 0), Terms, Replayed: false));
    }
}

using Auctions.Grpc;
using V1 = Auctions.V1;

namespace StreamGateway;

/// <summary>The contract's messages for what is publicly known of an auction.</summary>
internal static class AuctionFrames
{
    public static V1.AuctionState State(PublicAuction auction) => new()
    {
        Version = auction.Version,
        Status = StateMap.Status(auction.Status),
        CurrentPrice = auction.Price == 0 ? null : MoneyMap.FromMinor(auction.Price, auction.Currency),
        LeaderId = auction.Leader,
        MinimumBid = MoneyMap.FromMinor(auction.MinimumBid, auction.Currency),
        BidCount = auction.BidCount,
        EndTime = TimeMap.FromUs(auction.EndUs),
        ExtensionsUsed = auction.Extensions,
        ReserveMet = auction.ReserveMet,
    };

    /// <summary>Whether a delta can tell all that changed: it cannot take a price away, nor change the currency.</summary>
    public static bool CanTellAsDelta(PublicAuction from, PublicAuction to) =>
        from.Currency == to.Currency && (to.Price > 0 || from.Price == 0);

    /// <summary>What changed, and nothing else.</summary>
    public static V1.AuctionDelta Delta(PublicAuction from, PublicAuction to)
    {
        var delta = new V1.AuctionDelta { FromVersion = from.Version };
        if (to.Price != from.Price) delta.CurrentPrice = MoneyMap.FromMinor(to.Price, to.Currency);
        if (to.Leader != from.Leader) delta.LeaderId = to.Leader;
        if (to.MinimumBid != from.MinimumBid) delta.MinimumBid = MoneyMap.FromMinor(to.MinimumBid, to.Currency);
        if (to.BidCount != from.BidCount) delta.BidCount = to.BidCount;
        if (to.EndUs != from.EndUs) delta.EndTime = TimeMap.FromUs(to.EndUs);
        if (to.Extensions != from.Extensions) delta.ExtensionsUsed = to.Extensions;
        if (to.Status != from.Status) delta.Status = StateMap.Status(to.Status);
        if (to.ReserveMet != from.ReserveMet) delta.ReserveMet = to.ReserveMet;
        return delta;
    }

    public static V1.AuctionEnded Ended(PublicAuction auction) => new()
    {
        Final = State(auction),
        WinnerId = auction.Winner,
        EndReason = StateMap.EndReason(auction.EndReason),
    };
}

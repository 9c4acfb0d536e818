using Auctions.Platform.Contract;
using Auctions.Platform.Hosting;
using Auctions.V1;
using Bid = Auctions.Core.Bid;
using BidKind = Auctions.Core.BidKind;

namespace BiddingService;

/// <summary>A request whose every field has been looked at.</summary>
internal readonly record struct BidRequest(Guid AuctionId, Bid Bid)
{
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: names each field, its value and the rule that it breaks.</exception>
    public static BidRequest From(PlaceBidRequest request, string bidder)
    {
        var violations = new Violations();
        var auctionId = Fields.Uuid(request.AuctionId, "auction_id", violations);
        var key = Fields.Uuid(request.IdempotencyKey, "idempotency_key", violations);
        violations.Check(request.Amount is not null || request.MaxAmount is not null, "amount", null, "must be set where max_amount is not");
        var amount = request.Amount is null ? null : MoneyMap.ToMinor(request.Amount, "amount", 1, violations);
        var max = request.MaxAmount is null ? null : MoneyMap.ToMinor(request.MaxAmount, "max_amount", 1, violations);
        if (amount is { } step && max is { } ceiling)
        {
            violations.Check(step.Currency == ceiling.Currency, "max_amount.currency_code", ceiling.Currency, "must be amount's");
            violations.Check(step.Minor <= ceiling.Minor, "max_amount", ceiling.Minor, "in minor units, must not be below amount");
        }

        violations.ThrowIfAny();
        return new BidRequest(auctionId, new Bid(bidder, key, request.MaxAmount is null ? BidKind.Direct : BidKind.Proxy,
            (amount ?? max)!.Value.Currency, amount?.Minor ?? 0, max?.Minor ?? 0));
    }

    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT, as above.</exception>
    public static BidRequest From(BuyNowRequest request, string bidder)
    {
        var violations = new Violations();
        var auctionId = Fields.Uuid(request.AuctionId, "auction_id", violations);
        var key = Fields.Uuid(request.IdempotencyKey, "idempotency_key", violations);
        violations.ThrowIfAny();
        return new BidRequest(auctionId, new Bid(bidder, key, BidKind.BuyNow, "", 0, 0));
    }
}

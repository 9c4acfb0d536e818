using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Bid = Auctions.Core.Bid;
using BidKind = Auctions.Core.BidKind;

namespace BiddingService;

/// <summary>A request whose every field has been looked at.</summary>
/// <param name="Limited">Whether the bidder's velocity counts: unless the token's claims exempt it.</param>
internal readonly record struct BidRequest(Guid AuctionId, Bid Bid, bool Limited)
{
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: names each field, its value and the rule that it breaks.</exception>
    public static BidRequest From(PlaceBidRequest request, Caller caller)
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
        return new BidRequest(auctionId, new Bid(caller.Subject, key, request.MaxAmount is null ? BidKind.Direct : BidKind.Proxy,
            (amount ?? max)!.Value.Currency, amount?.Minor ?? 0, max?.Minor ?? 0), IsLimited(caller));
    }

    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT, as above.</exception>
    public static BidRequest From(BuyNowRequest request, Caller caller)
    {
        var violations = new Violations();
        var auctionId = Fields.Uuid(request.AuctionId, "auction_id", violations);
        var key = Fields.Uuid(request.IdempotencyKey, "idempotency_key", violations);
        violations.ThrowIfAny();
        return new BidRequest(auctionId, new Bid(caller.Subject, key, BidKind.BuyNow, "", 0, 0), IsLimited(caller));
    }

    private static bool IsLimited(Caller caller) => !caller.Exemptions.Contains(Caller.VelocityExemption);
}

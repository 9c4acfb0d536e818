using Auctions.Grpc;
using Auctions.V1;
using Bid = Auctions.Core.Bid;
using BidKind = Auctions.Core.BidKind;

namespace BiddingService;

/// <summary>A request whose fields have all been checked.</summary>
/// <param name="Limited">Whether the velocity limit applies: it does unless the token exempts the bidder.</param>
internal readonly record struct BidRequest(Guid AuctionId, Bid Bid, bool Limited)
{
    /// <exception cref="Grpc.Core.RpcException">
    /// INVALID_ARGUMENT, with each invalid field, its value and the rule that it breaks.
    /// </exception>
    public static BidRequest From(PlaceBidRequest request, Caller caller)
    {
        var violations = new Violations();
        var auctionId = Fields.Uuid(request.AuctionId, "auction_id", violations);
        var key = Fields.Uuid(request.IdempotencyKey, "idempotency_key", violations);
        violations.Check(request.Amount is not null || request.MaxAmount is not null,
            "amount", null, "must be set if max_amount is not set");
        var amount = request.Amount is null ? null : MoneyMap.ToMinor(request.Amount, "amount", 1, violations);
        var max = request.MaxAmount is null ? null : MoneyMap.ToMinor(request.MaxAmount, "max_amount", 1, violations);
        if (amount is { } firstStep && max is { } ceiling)
        {
            violations.Check(firstStep.Currency == ceiling.Currency,
                "max_amount.currency_code", ceiling.Currency, "must be the currency of amount");
            violations.Check(firstStep.Minor <= ceiling.Minor,
                "max_amount", ceiling.Minor, "must not be below amount (in minor units)");
        }

        violations.ThrowIfAny();
        var kind = request.MaxAmount is null ? BidKind.Direct : BidKind.Proxy;
        var bid = new Bid(caller.Subject, key, kind,
            (amount ?? max)!.Value.Currency, amount?.Minor ?? 0, max?.Minor ?? 0);
        return new BidRequest(auctionId, bid, IsLimited(caller));
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

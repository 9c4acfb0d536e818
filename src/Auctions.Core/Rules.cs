namespace Auctions.Core;

/// <summary>
/// The rules of the auction, written to be read. <c>place_bids.lua</c> implements the same rules for Redis; random
/// differential tests compare the two. This version decides while Redis is down, and replays ledgers.
/// </summary>
public static class Rules
{
    /// <summary>
    /// The version of the rules. The ledger stores it with every record, so that each is checked by the rules of its
    /// time. In version 1 a purchase left the auction active, a purchase that was never offered was rejected as
    /// withdrawn, and decision times could fall.
    /// </summary>
    public const int Version = 2;

    /// <summary>Decides one bid. Pure.</summary>
    /// <param name="nowUs">The decision time, in microseconds since 1970.</param>
    /// <param name="version">The version of the rules: another than the present one only to check old records.</param>
    public static Decision Decide(Terms terms, AuctionState state, Bid bid, long nowUs, int version = Version)
    {
        var rejection = Admit(terms, state, bid, nowUs);
        if (rejection != RejectionReason.None) return Reject(state, rejection);
        if (bid.Kind == BidKind.BuyNow) return Buy(terms, state, bid, nowUs, version);
        if (state.BidCount == 0) return FirstBid(terms, state, bid, nowUs);
        return bid.Bidder == state.Leader ? Raise(terms, state, bid, nowUs) : Challenge(terms, state, bid, nowUs);
    }

    /// <summary>The lowest limit that the next bid may have, in minor units.</summary>
    public static long MinimumBid(Terms terms, AuctionState state) =>
        state.BidCount == 0 ? terms.Opening : terms.Increment.Above(state.Price);

    /// <summary>
    /// Whether the rules can accept another bid, time aside. False when the auction is over, and when the next bid
    /// would have to be more than the largest amount.
    /// </summary>
    public static bool CanBeBidOn(Terms terms, AuctionState state) =>
        state.IsOpen && MinimumBid(terms, state) <= Currency.MaxAmount;

    /// <summary>Whether the price has reached the reserve. True if there is no reserve.</summary>
    public static bool ReserveMet(Terms terms, AuctionState state) => state.Price >= terms.Reserve;

    /// <summary>
    /// The first bid withdraws buy-it-now, unless there is a reserve that is not met. A ceiling that reaches the
    /// buy-it-now price withdraws it in any case: the leader offered as much, and earlier.
    /// </summary>
    public static bool BuyNowAvailable(Terms terms, AuctionState state) =>
        state.IsOpen && terms.BuyNow > state.Ceiling && (state.BidCount == 0 || !ReserveMet(terms, state));

    /// <summary>
    /// The winner if this is the last state: the leader if the reserve is met. Empty if the lot is not sold.
    /// </summary>
    public static string Winner(Terms terms, AuctionState state) =>
        state.Status != AuctionStatus.Cancelled && ReserveMet(terms, state) ? state.Leader : "";

    private static RejectionReason Admit(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        if (state.Status == AuctionStatus.Cancelled) return RejectionReason.Cancelled;
        if (!state.IsOpen || nowUs >= state.EndUs) return RejectionReason.Ended;
        if (nowUs < terms.StartUs) return RejectionReason.NotStarted;
        if (bid.Bidder == terms.SellerId) return RejectionReason.Seller;
        return bid.Kind != BidKind.BuyNow && bid.Currency != terms.Currency
            ? RejectionReason.WrongCurrency
            : RejectionReason.None;
    }

    /// <summary>The end moves to the time of the purchase. Only the sealing can follow.</summary>
    private static Decision Buy(Terms terms, AuctionState state, Bid bid, long nowUs, int version)
    {
        if (terms.BuyNow == 0 && version > 1) return Reject(state, RejectionReason.BuyNowNotOffered);
        if (!BuyNowAvailable(terms, state)) return Reject(state, RejectionReason.BuyNowWithdrawn);
        return new Decision(BidOutcome.Leading, RejectionReason.None, state with
        {
            Status = version > 1 ? AuctionStatus.Bought : AuctionStatus.Active,
            Price = terms.BuyNow,
            Ceiling = terms.BuyNow,
            Leader = bid.Bidder,
            EndUs = nowUs,
            BidCount = state.BidCount + 1,
        });
    }

    private static Decision FirstBid(Terms terms, AuctionState state, Bid bid, long nowUs) =>
        bid.Limit < terms.Opening
            ? Reject(state, RejectionReason.TooLow)
            : Lead(terms, state, bid, Math.Max(terms.Opening, bid.Amount), bid.Limit, nowUs);

    /// <summary>
    /// The leader bids again. A higher ceiling does not move the price; a direct bid raises the leader's own price.
    /// </summary>
    private static Decision Raise(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        if (bid.Kind == BidKind.Proxy)
        {
            return bid.Max <= state.Ceiling
                ? Reject(state, RejectionReason.CeilingNotRaised)
                : Lead(terms, state, bid, Math.Max(state.Price, bid.Amount), bid.Max, nowUs);
        }

        return bid.Amount < MinimumBid(terms, state)
            ? Reject(state, RejectionReason.TooLow)
            : Lead(terms, state, bid, bid.Amount, Math.Max(state.Ceiling, bid.Amount), nowUs);
    }

    private static Decision Challenge(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        if (bid.Limit < MinimumBid(terms, state)) return Reject(state, RejectionReason.TooLow);

        // Up to the standing ceiling the leader stays ahead, at the lowest price that achieves it. On equal ceilings
        // the earlier bid leads.
        if (bid.Limit <= state.Ceiling)
        {
            var price = Math.Min(state.Ceiling, terms.Increment.Above(bid.Limit));
            return Accept(terms, state with { Price = price }, BidOutcome.Outbid, nowUs);
        }

        var lowest = Math.Min(bid.Limit, terms.Increment.Above(state.Ceiling));
        return Lead(terms, state, bid, Math.Max(lowest, bid.Amount), bid.Limit, nowUs);
    }

    /// <summary>
    /// The bidder leads at that price. A ceiling that reaches the reserve lifts the price to the reserve.
    /// </summary>
    private static Decision Lead(Terms terms, AuctionState state, Bid bid, long price, long ceiling, long nowUs) =>
        Accept(terms, state with
        {
            Price = ceiling >= terms.Reserve ? Math.Max(price, terms.Reserve) : price,
            Ceiling = ceiling,
            Leader = bid.Bidder,
        }, BidOutcome.Leading, nowUs);

    private static Decision Accept(Terms terms, AuctionState state, BidOutcome outcome, long nowUs)
    {
        var soft = terms.SoftClose;
        var extended = nowUs + soft.ExtensionUs;
        var inWindow = state.EndUs - nowUs <= soft.WindowUs;
        var extends = inWindow && state.Extensions < soft.MaxExtensions && extended > state.EndUs;
        return new Decision(outcome, RejectionReason.None, state with
        {
            Status = AuctionStatus.Active,
            BidCount = state.BidCount + 1,
            EndUs = extends ? extended : state.EndUs,
            Extensions = state.Extensions + (extends ? 1 : 0),
        });
    }

    private static Decision Reject(AuctionState state, RejectionReason reason) =>
        new(BidOutcome.Rejected, reason, state);
}

/// <summary>
/// How many bids of one bidder on one auction may be accepted within a time window. A protection against robots, not a
/// rule of the auction. A rejected bid does not count, or a bidder who learns that his bids are too low would be locked
/// out; nor does a purchase. A bid that is rejected only for this is recorded nowhere.
/// </summary>
/// <param name="BidsMax">In any window; 0 = no limit.</param>
/// <param name="WindowUs">Microseconds.</param>
public sealed record VelocityLimit(int BidsMax, long WindowUs)
{
    /// <summary>
    /// Whether another bid may be accepted now. A time that is further ahead than the window rejects nothing: the clock
    /// has stepped back.
    /// </summary>
    /// <param name="acceptedUs">When the bidder's earlier bids were accepted, in the order of the bids.</param>
    public bool Admits(IReadOnlyList<long> acceptedUs, long nowUs) =>
        BidsMax == 0 || acceptedUs.Count < BidsMax || Math.Abs(nowUs - acceptedUs[^BidsMax]) >= WindowUs;
}

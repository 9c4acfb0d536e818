namespace Auctions.Core;

/// <summary>
/// The rules of the auction, as people read them. <c>place_bids.lua</c> says the same to Redis and is held against
/// this by random differential tests; this decides when Redis is down, and replays ledgers.
/// </summary>
public static class Rules
{
    /// <summary>Decides one bid. Pure.</summary>
    /// <param name="nowUs">The deciding server's clock, microseconds since 1970.</param>
    public static Decision Decide(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        var refusal = Admit(terms, state, bid, nowUs);
        if (refusal != RejectionReason.None) return Refused(state, refusal);
        if (bid.Kind == BidKind.BuyNow) return Buy(terms, state, bid, nowUs);
        if (state.BidCount == 0) return First(terms, state, bid, nowUs);
        return bid.Bidder == state.Leader ? Raise(terms, state, bid, nowUs) : Challenge(terms, state, bid, nowUs);
    }

    /// <summary>The least that the next bid must be, in minor units.</summary>
    public static long MinimumBid(Terms terms, AuctionState state) =>
        state.BidCount == 0 ? terms.Opening : terms.Increment.Above(state.Price);

    /// <summary>Whether the price is at or above the reserve; true where there is none.</summary>
    public static bool ReserveMet(Terms terms, AuctionState state) => state.Price >= terms.Reserve;

    /// <summary>Buy-it-now is withdrawn by the first bid, unless a reserve exists and is unmet.</summary>
    public static bool BuyNowAvailable(Terms terms, AuctionState state) =>
        terms.BuyNow > state.Ceiling && (state.BidCount == 0 || !ReserveMet(terms, state));

    /// <summary>Who has won, once nothing more can come: the leader, if the reserve is met. Empty where unsold.</summary>
    public static string Winner(Terms terms, AuctionState state) =>
        state.Status != AuctionStatus.Cancelled && ReserveMet(terms, state) ? state.Leader : "";

    private static RejectionReason Admit(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        if (state.Status == AuctionStatus.Cancelled) return RejectionReason.Cancelled;
        if (state.Status == AuctionStatus.Ended || nowUs >= state.EndUs) return RejectionReason.Ended;
        if (nowUs < terms.StartUs) return RejectionReason.NotStarted;
        if (bid.Bidder == terms.SellerId) return RejectionReason.Seller;
        return bid.Kind != BidKind.BuyNow && bid.Currency != terms.Currency ? RejectionReason.WrongCurrency : RejectionReason.None;
    }

    /// <summary>The end moves to the moment of the purchase: nothing can follow but the sealing.</summary>
    private static Decision Buy(Terms terms, AuctionState state, Bid bid, long nowUs) =>
        BuyNowAvailable(terms, state)
            ? new Decision(BidOutcome.Leading, RejectionReason.None, state with
            {
                Status = AuctionStatus.Active,
                Price = terms.BuyNow,
                Ceiling = terms.BuyNow,
                Leader = bid.Bidder,
                EndUs = nowUs,
                BidCount = state.BidCount + 1,
            })
            : Refused(state, RejectionReason.BuyNowWithdrawn);

    private static Decision First(Terms terms, AuctionState state, Bid bid, long nowUs) =>
        bid.Limit < terms.Opening
            ? Refused(state, RejectionReason.TooLow)
            : Leads(terms, state, bid, Math.Max(terms.Opening, bid.Amount), bid.Limit, nowUs);

    /// <summary>The leader bids again: a higher ceiling moves no price, a direct bid raises the leader's own.</summary>
    private static Decision Raise(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        if (bid.Kind == BidKind.Proxy)
        {
            return bid.Max <= state.Ceiling
                ? Refused(state, RejectionReason.CeilingNotRaised)
                : Leads(terms, state, bid, Math.Max(state.Price, bid.Amount), bid.Max, nowUs);
        }

        return bid.Amount < MinimumBid(terms, state)
            ? Refused(state, RejectionReason.TooLow)
            : Leads(terms, state, bid, bid.Amount, Math.Max(state.Ceiling, bid.Amount), nowUs);
    }

    private static Decision Challenge(Terms terms, AuctionState state, Bid bid, long nowUs)
    {
        if (bid.Limit < MinimumBid(terms, state)) return Refused(state, RejectionReason.TooLow);

        // At or under the standing ceiling, which is the earlier bid: it answers with the least that still leads.
        if (bid.Limit <= state.Ceiling)
        {
            var answered = Math.Min(state.Ceiling, terms.Increment.Above(bid.Limit));
            return Accepted(terms, state with { Price = answered }, BidOutcome.Outbid, nowUs);
        }

        var least = Math.Min(bid.Limit, terms.Increment.Above(state.Ceiling));
        return Leads(terms, state, bid, Math.Max(least, bid.Amount), bid.Limit, nowUs);
    }

    /// <summary>The bidder leads at that price; a ceiling that reaches the reserve lifts the price to it.</summary>
    private static Decision Leads(Terms terms, AuctionState state, Bid bid, long price, long ceiling, long nowUs) =>
        Accepted(terms, state with
        {
            Price = ceiling >= terms.Reserve ? Math.Max(price, terms.Reserve) : price,
            Ceiling = ceiling,
            Leader = bid.Bidder,
        }, BidOutcome.Leading, nowUs);

    private static Decision Accepted(Terms terms, AuctionState state, BidOutcome outcome, long nowUs)
    {
        var soft = terms.SoftClose;
        var extended = nowUs + soft.ExtensionUs;
        var extends = state.Extensions < soft.MaxExtensions && state.EndUs - nowUs <= soft.WindowUs && extended > state.EndUs;
        return new Decision(outcome, RejectionReason.None, state with
        {
            Status = AuctionStatus.Active,
            BidCount = state.BidCount + 1,
            EndUs = extends ? extended : state.EndUs,
            Extensions = state.Extensions + (extends ? 1 : 0),
        });
    }

    private static Decision Refused(AuctionState state, RejectionReason reason) => new(BidOutcome.Rejected, reason, state);
}

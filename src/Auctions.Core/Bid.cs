namespace Auctions.Core;

public enum BidKind
{
    /// <summary>Bids its amount at once.</summary>
    Direct,
    /// <summary>Bids only what is needed to lead, up to a ceiling.</summary>
    Proxy,
    /// <summary>Pays the buy-it-now price and ends the auction.</summary>
    BuyNow,
}

/// <summary>A bid as the bidder sent it.</summary>
/// <param name="Bidder">The token's subject.</param>
/// <param name="Key">The idempotency key. Its scope is the auction and the bidder.</param>
/// <param name="Currency">ISO 4217, as sent; empty for a buy-now.</param>
/// <param name="Amount">The amount of a direct bid, or the first step of a proxy bid. Minor units; 0 = none.</param>
/// <param name="Max">The ceiling of a proxy bid. Minor units; 0 = none.</param>
public sealed record Bid(string Bidder, Guid Key, BidKind Kind, string Currency, long Amount, long Max)
{
    /// <summary>The most that the bidder offers, in minor units.</summary>
    public long Limit => Kind == BidKind.Proxy ? Max : Amount;

    /// <summary>Whether <see cref="VelocityLimit"/> counts it if it is accepted. A purchase is exempt.</summary>
    public bool IsCounted => Kind != BidKind.BuyNow;

    /// <summary>Whether both requests ask for the same. If not, a client has reused an idempotency key.</summary>
    public bool SameContent(Bid other) =>
        (Kind, Currency, Amount, Max) == (other.Kind, other.Currency, other.Amount, other.Max);
}

public enum BidOutcome
{
    /// <summary>Accepted, and the bidder leads.</summary>
    Leading,
    /// <summary>Accepted, and outbid at once by the standing ceiling.</summary>
    Outbid,
    Rejected,
}

/// <summary>Why a bid was rejected. The rules check the reasons in this order.</summary>
public enum RejectionReason
{
    None,
    /// <summary>
    /// Too many bids of the bidder were accepted: see <see cref="VelocityLimit"/>. Not one of the rules, and never in
    /// the ledger.
    /// </summary>
    Velocity,
    Cancelled,
    Ended,
    NotStarted,
    Seller,
    WrongCurrency,
    /// <summary>The auction never had a buy-it-now price.</summary>
    BuyNowNotOffered,
    BuyNowWithdrawn,
    CeilingNotRaised,
    TooLow,
}

/// <summary>The result of the rules for one bid.</summary>
/// <param name="After">The state after the bid. A rejected bid does not change the state.</param>
public sealed record Decision(BidOutcome Outcome, RejectionReason Reason, AuctionState After);

/// <summary>
/// A bid with its decision and everything that the decision was based on. From this the ledger can tell whether the
/// decision still holds.
/// </summary>
/// <param name="Id">The id of the bid. If the bid was accepted, also the id of its entry.</param>
/// <param name="Prev">
/// The entry that was the head at the decision: the predecessor of an accepted bid, the basis of a rejected one.
/// </param>
/// <param name="Version">
/// The version after the decision: the bid's own if it was accepted, that of the basis if it was rejected.
/// </param>
/// <param name="TermsDigest">The digest of the terms that the decision was based on.</param>
/// <param name="Before">The state that the decision was based on.</param>
/// <param name="After">The state after the decision.</param>
/// <param name="DecidedUs">
/// The decision time, in microseconds since 1970: the clock of the deciding server, or the decision time of the entry
/// before, if that is later (a purchase: the microsecond after it).
/// </param>
public sealed record DecidedBid(
    Guid AuctionId,
    Guid Id,
    Guid Prev,
    long Version,
    Bid Bid,
    BidOutcome Outcome,
    RejectionReason Reason,
    string TermsDigest,
    AuctionState Before,
    AuctionState After,
    long DecidedUs)
{
    /// <summary>The version of the rules that applied: see <see cref="Rules.Version"/>.</summary>
    public int RulesVersion { get; init; } = Rules.Version;

    public bool Accepted => Outcome != BidOutcome.Rejected;

    /// <summary>
    /// What everybody sees of the bid, in minor units: its price if it leads, else its limit. The ceiling of a leading
    /// bid stays secret.
    /// </summary>
    public long Offered => Outcome == BidOutcome.Leading ? After.Price : Bid.Limit;

    /// <summary>
    /// Whether the rules make this decision under these terms, from the state that it was based on. False for a line
    /// that somebody edited or forged in Redis.
    /// </summary>
    public bool FollowsUnder(Terms terms)
    {
        if (TermsDigest != terms.Digest) return false;
        var expected = Reason == RejectionReason.Velocity
            ? RejectForVelocity(Before)
            : Rules.Decide(terms, Before, Bid, DecidedUs);
        return new Decision(Outcome, Reason, After) == expected;
    }

    /// <summary>Decides a bid on a head, as the script does on Redis' hash.</summary>
    /// <param name="clockUs">The clock of the deciding server, in microseconds since 1970.</param>
    /// <param name="admitted">Whether the bidder is within the velocity limit.</param>
    public static DecidedBid Decide(Guid auctionId, Head head, Guid id, Bid bid, long clockUs, bool admitted = true)
    {
        // A purchase closes the auction: it is later than the bids that came in time.
        var nowUs = Math.Max(clockUs, bid.Kind == BidKind.BuyNow ? head.DecidedUs + 1 : head.DecidedUs);
        var decision = admitted ? Rules.Decide(head.Terms, head.State, bid, nowUs) : RejectForVelocity(head.State);
        var version = decision.Outcome == BidOutcome.Rejected ? head.Version : head.Version + 1;
        return new DecidedBid(auctionId, id, head.EntryId, version, bid, decision.Outcome, decision.Reason,
            head.Terms.Digest, head.State, decision.After, nowUs);
    }

    private static Decision RejectForVelocity(AuctionState state) =>
        new(BidOutcome.Rejected, RejectionReason.Velocity, state);
}

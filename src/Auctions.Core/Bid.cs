namespace Auctions.Core;

public enum BidKind
{
    /// <summary>Bids its amount at once.</summary>
    Direct,
    /// <summary>Bids no more than needed, up to a ceiling.</summary>
    Proxy,
    /// <summary>Pays the buy-it-now price and ends the auction.</summary>
    BuyNow,
}

/// <summary>A bid as its bidder asked for it.</summary>
/// <param name="Bidder">The token's subject.</param>
/// <param name="Key">The idempotency key, scoped to the auction and the bidder.</param>
/// <param name="Currency">ISO 4217, as given; empty in a buy-now.</param>
/// <param name="Amount">A direct bid's amount, or a proxy bid's first step; 0 = none. Minor units.</param>
/// <param name="Max">A proxy bid's ceiling; 0 = none. Minor units.</param>
public sealed record Bid(string Bidder, Guid Key, BidKind Kind, string Currency, long Amount, long Max)
{
    /// <summary>The most that it offers.</summary>
    public long Limit => Kind == BidKind.Proxy ? Max : Amount;

    /// <summary>Whether another request under the same key asks for the same.</summary>
    public bool SameContent(Bid other) =>
        (Kind, Currency, Amount, Max) == (other.Kind, other.Currency, other.Amount, other.Max);
}

public enum BidOutcome
{
    /// <summary>Accepted, and the bidder leads.</summary>
    Leading,
    /// <summary>Accepted, and at once outbid by the standing ceiling.</summary>
    Outbid,
    Rejected,
}

/// <summary>Why a bid was rejected, in the order in which the rules look at it.</summary>
public enum RejectionReason
{
    None,
    /// <summary>Too many bids by this bidder: see <see cref="VelocityLimit"/>. Not of the rules, and never in the ledger.</summary>
    Velocity,
    Cancelled,
    Ended,
    NotStarted,
    Seller,
    WrongCurrency,
    BuyNowWithdrawn,
    CeilingNotRaised,
    TooLow,
}

/// <summary>What became of a bid, and the state that it left: unchanged where it was refused.</summary>
public sealed record Decision(BidOutcome Outcome, RejectionReason Reason, AuctionState After);

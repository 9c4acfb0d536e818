namespace Auctions.Core;

/// <summary>
/// A bid with its decision, and all that the decision rests on: what the ledger needs to take it in or turn it away.
/// </summary>
/// <param name="Id">The bid's id, and its entry's where it was accepted.</param>
/// <param name="Prev">The entry that was the head when it was decided: an accepted bid's predecessor, a refusal's basis.</param>
/// <param name="Version">Of the state that it left: its own where accepted, the basis' where refused.</param>
/// <param name="TermsDigest">Of the terms that the decision took to be true.</param>
/// <param name="Before">The state that the decision took to be true.</param>
/// <param name="After">The state that it left.</param>
/// <param name="DecidedUs">By the deciding server's clock, microseconds since 1970.</param>
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
    public bool Accepted => Outcome != BidOutcome.Rejected;

    /// <summary>What the bid visibly offered, in minor units: its limit where it was outbid, else the price that it leads at.</summary>
    public long Offered => Outcome == BidOutcome.Leading ? After.Price : Bid.Limit;

    /// <summary>
    /// Whether the rules make this decision of what it took to be true, under these terms: a line that somebody edited, or wrote, does not.
    /// </summary>
    public bool FollowsUnder(Terms terms) => TermsDigest == terms.Digest && new Decision(Outcome, Reason, After)
        == (Reason == RejectionReason.Velocity ? TooFast(Before) : Rules.Decide(terms, Before, Bid, DecidedUs));

    /// <summary>Decides a bid on a head, as the script does on Redis' hash.</summary>
    /// <param name="admitted">Whether the bidder's velocity allows it.</param>
    public static DecidedBid Decide(Guid auctionId, Head head, Guid id, Bid bid, long nowUs, bool admitted = true)
    {
        var decision = admitted ? Rules.Decide(head.Terms, head.State, bid, nowUs) : TooFast(head.State);
        var version = decision.Outcome == BidOutcome.Rejected ? head.Version : head.Version + 1;
        return new DecidedBid(auctionId, id, head.EntryId, version, bid, decision.Outcome, decision.Reason,
            head.Terms.Digest, head.State, decision.After, nowUs);
    }

    private static Decision TooFast(AuctionState state) => new(BidOutcome.Rejected, RejectionReason.Velocity, state);
}

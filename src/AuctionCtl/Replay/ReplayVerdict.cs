using Auctions.Core;

namespace Auctions.Ctl.Replay;

/// <summary>What the rules make of a recorded auction: every bid's decision, and what is left at the end. No service is asked.</summary>
/// <param name="Decisions">One a bid, in order.</param>
/// <param name="Winner">Empty where unsold.</param>
public sealed record ReplayVerdict(IReadOnlyList<Decision> Decisions, AuctionState Final, string Winner)
{
    /// <summary>Who sells in a replay; no bidder of a file has this name.</summary>
    public const string Seller = "replay/seller";

    /// <summary>What the auctions of a file are held in.</summary>
    public const string CurrencyCode = "USD";

    /// <summary>The price that it closes at, in cents; null where no bid was taken.</summary>
    public long? Closing => Final.BidCount == 0 ? null : Final.Price;

    public static ReplayVerdict Of(RecordedAuction auction)
    {
        var terms = new Terms(Seller, CurrencyCode, auction.Opening, auction.Reserve, 0, Increment.EbayUs, SoftClose.None, 0);
        var state = AuctionState.Opened(AuctionStatus.Active, Currency.MaxAmount);
        var decisions = new List<Decision>(auction.Bids.Count);
        foreach (var bid in auction.Bids)
        {
            var decision = Rules.Decide(terms, state, new Bid(bid.Bidder, Guid.Empty, BidKind.Proxy, CurrencyCode, 0, bid.Max), nowUs: 0);
            decisions.Add(decision);
            state = decision.After;
        }

        return new ReplayVerdict(decisions, state, Rules.Winner(terms, state));
    }
}

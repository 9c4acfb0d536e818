namespace Auctions.UnitTests;

/// <summary>One auction for the tests. Each bid is decided on the state after the previous one.</summary>
internal sealed class Sale
{
    /// <summary>The start of <see cref="Plain"/>, and its end. Microseconds.</summary>
    public const long StartUs = 1_000_000, EndUs = 1_000_000_000;

    /// <summary>Opens at 10.00 USD, increment 1.00; no reserve, no buy-it-now, no soft close.</summary>
    public static readonly Terms Plain = new(
        "seller", "USD", Opening: 10_00, Reserve: 0, BuyNow: 0, new Increment.Fixed(1_00), SoftClose.None, StartUs);

    public Sale(Terms? terms = null) => Terms = terms ?? Plain;

    public Terms Terms { get; }

    public AuctionState State { get; set; } = AuctionState.Opened(AuctionStatus.Active, EndUs);

    /// <summary>The time at which the next bid is decided.</summary>
    public long NowUs { get; set; } = StartUs;

    public Decision Proxy(string bidder, long max, long amount = 0) => Decide(bidder, BidKind.Proxy, amount, max);

    public Decision Direct(string bidder, long amount) => Decide(bidder, BidKind.Direct, amount, 0);

    public Decision BuyNow(string bidder) => Decide(new Bid(bidder, Guid.Empty, BidKind.BuyNow, "", 0, 0));

    public Decision Decide(Bid bid)
    {
        var decision = Rules.Decide(Terms, State, bid, NowUs);
        State = decision.After;
        return decision;
    }

    private Decision Decide(string bidder, BidKind kind, long amount, long max) =>
        Decide(new Bid(bidder, Guid.Empty, kind, Terms.Currency, amount, max));

    /// <summary>Asserts that the bid is rejected and changes nothing.</summary>
    public void Rejects(RejectionReason reason, Func<Sale, Decision> bid)
    {
        var before = State;
        Assert.Equal(new Decision(BidOutcome.Rejected, reason, before), bid(this));
    }

    /// <summary>Asserts the leader, the price, and the leader's ceiling.</summary>
    public void Stands(string leader, long price, long ceiling) =>
        Assert.Equal((leader, price, ceiling), (State.Leader, State.Price, State.Ceiling));
}

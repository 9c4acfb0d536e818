namespace Auctions.UnitTests;

/// <summary>One auction, to be bid on: each bid is decided on the state that the one before it left.</summary>
internal sealed class Sale
{
    /// <summary>When the sale of <see cref="Plain"/> starts, and when it ends. Microseconds.</summary>
    public const long StartUs = 1_000_000, EndUs = 1_000_000_000;

    /// <summary>Opens at 10.00 USD, by one dollar at least; no reserve, no buy-it-now, no soft close.</summary>
    public static readonly Terms Plain = new(
        "seller", "USD", Opening: 10_00, Reserve: 0, BuyNow: 0, new Increment.Fixed(1_00), SoftClose.None, StartUs);

    public Sale(Terms? terms = null) => Terms = terms ?? Plain;

    public Terms Terms { get; }

    public AuctionState State { get; set; } = AuctionState.Opened(AuctionStatus.Active, EndUs);

    /// <summary>The moment at which the next bid is decided.</summary>
    public long NowUs { get; set; } = StartUs;

    public Decision Proxy(string bidder, long max, long amount = 0) => Play(bidder, BidKind.Proxy, amount, max);

    public Decision Direct(string bidder, long amount) => Play(bidder, BidKind.Direct, amount, 0);

    public Decision BuyNow(string bidder) => Decide(new Bid(bidder, Guid.Empty, BidKind.BuyNow, "", 0, 0));

    public Decision Decide(Bid bid)
    {
        var decision = Rules.Decide(Terms, State, bid, NowUs);
        State = decision.After;
        return decision;
    }

    private Decision Play(string bidder, BidKind kind, long amount, long max) =>
        Decide(new Bid(bidder, Guid.Empty, kind, Terms.Currency, amount, max));

    /// <summary>Asserts a refusal, and that it changed nothing.</summary>
    public void Refuses(RejectionReason reason, Func<Sale, Decision> bid)
    {
        var before = State;
        Assert.Equal(new Decision(BidOutcome.Rejected, reason, before), bid(this));
    }

    /// <summary>Asserts what everyone sees, and the leader's ceiling.</summary>
    public void Stands(string leader, long price, long ceiling) =>
        Assert.Equal((leader, price, ceiling), (State.Leader, State.Price, State.Ceiling));
}

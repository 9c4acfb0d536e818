using Auctions.Core;

namespace Auctions.IntegrationTests.HotState;

/// <summary>Random terms, states and bids, mostly near the values where the rules change their answer.</summary>
internal sealed class RandomSale
{
    private const long Most = Currency.MaxAmount;
    private const long Hour = 3_600_000_000;

    private static readonly string[] Bidders = ["ann", "bob", "cid", "dee", "eve"];

    private readonly Random _random;
    private readonly long _scale;
    private readonly long[] _steps;
    private readonly List<Bid> _asked = [];

    /// <param name="nowUs">When its bids will be decided, approximately.</param>
    public RandomSale(Random random, long nowUs)
    {
        _random = random;
        _scale = random.Next(4) switch { 0 => 200, 1 => 100_000, 2 => 10_000_000, _ => Most };
        _steps = random.Next(2) == 0
            ? [1_00, 5_00, 25_00, 100_00, 250_00, 500_00, 1_000_00, 2_500_00, 5_000_00]
            : [Amount()];
        Terms = new Terms("seller", "USD", Amount(), Maybe(Later()), Maybe(Math.Min(Most, 3 * Later())),
            Increments(), SoftCloses(),
            random.Next(10) == 0 ? nowUs + Near() : random.Next(20) == 0 ? nowUs + Hour : 1);
        State = States(nowUs);
        DecidedUs = random.Next(4) == 0 ? nowUs + random.NextInt64(-1_000, 20_000) : 1;
    }

    public Terms Terms { get; }

    public AuctionState State { get; }

    /// <summary>When the head was decided: sometimes later than the clock says.</summary>
    public long DecidedUs { get; }

    /// <summary>A bid for the state that may apply when it is decided; sometimes a repetition.</summary>
    public Bid Next(AuctionState state)
    {
        if (_asked.Count > 0 && _random.Next(15) == 0) return _asked[_random.Next(_asked.Count)];
        var couldBuy = Terms.BuyNow > state.Ceiling && (state.BidCount == 0 || state.Price <= Terms.Reserve);
        var buys = _random.Next(couldBuy ? 6 : 20) == 0;
        var kind = buys ? BidKind.BuyNow : _random.Next(5) < 2 ? BidKind.Direct : BidKind.Proxy;
        var bidder = _random.Next(40) == 0 ? "seller"
            : state.Leader.Length > 0 && _random.Next(4) == 0 ? state.Leader
            : Bidders[_random.Next(Bidders.Length)];
        var currency = kind == BidKind.BuyNow ? "" : _random.Next(40) == 0 ? "EUR" : "USD";
        var (amount, max) = kind switch
        {
            BidKind.BuyNow => (0L, 0L),
            BidKind.Direct => (NearLimit(state), 0L),
            _ => (Maybe(NearLimit(state)), NearLimit(state)),
        };
        if (amount > max && kind == BidKind.Proxy) (amount, max) = (max, amount);
        var bid = new Bid(bidder, Guid.NewGuid(), kind, currency, amount, max);
        _asked.Add(bid);
        return bid;
    }

    /// <summary>An amount at, just below or just above a value that a rule compares with; or any amount.</summary>
    private long NearLimit(AuctionState state)
    {
        var at = _random.Next(12) switch
        {
            0 or 1 => state.Ceiling,
            2 or 3 => Rules.MinimumBid(Terms, state),
            4 => Terms.Increment.Above(state.Ceiling),
            5 => Terms.Reserve,
            6 => Terms.BuyNow,
            7 => Terms.Opening,
            8 => _random.Next(10) == 0 ? Most - _random.Next(3) : _steps[_random.Next(_steps.Length)],
            9 => state.Price,
            _ => state.Ceiling + Amount() / (1 + _random.Next(1_000)),
        };
        return Math.Clamp(at + _random.Next(-1, 2), 1, Most);
    }

    private AuctionState States(long nowUs)
    {
        var status = _random.Next(40) switch
        {
            0 => AuctionStatus.Ended,
            1 => AuctionStatus.Cancelled,
            2 => AuctionStatus.Bought,
            < 8 => AuctionStatus.Scheduled,
            _ => AuctionStatus.Active,
        };
        var endUs = nowUs + _random.Next(5) switch
        {
            0 => Near(),
            1 => _random.NextInt64(50_000),
            2 => _random.NextInt64(3_000_000),
            _ => Hour,
        };
        if (_random.Next(2) == 0) return AuctionState.Opened(status, endUs);
        var price = Amount();
        var ceiling = Math.Min(Most, price + Maybe(Amount() / 2));
        var leader = Bidders[_random.Next(Bidders.Length)];
        return new AuctionState(status, price, ceiling, leader, endUs, _random.Next(3), 1 + _random.Next(50));
    }

    private Increment Increments() => _random.Next(6) switch
    {
        0 => new Increment.Fixed(1 + _random.NextInt64(_scale / 10)),
        1 => new Increment.Fixed(Amount()),
        2 => new Increment.BasisPoints(1 + _random.Next(Increment.BasisPoints.Max)),
        3 => new Increment.BasisPoints(_random.Next(2) == 0 ? 1 : Increment.BasisPoints.Max),
        _ when _steps.Length > 1 => Increment.EbayUs,
        _ => new Increment.Ladder("some", (0, 1 + _random.Next(50)), (_steps[0], Amount())),
    };

    private SoftClose SoftCloses() => _random.Next(3) == 0
        ? SoftClose.None
        : new SoftClose(_random.NextInt64(5_000_000), _random.NextInt64(5_000_000), _random.Next(4));

    /// <summary>Microseconds around the time of the decision.</summary>
    private long Near() => _random.NextInt64(-500, 2_000);

    private long Amount() => 1 + _random.NextInt64(_scale - 1);

    /// <summary>An amount that the price reaches after some bids.</summary>
    private long Later() => Math.Min(Most, Amount() * (1 + _random.Next(4)));

    private long Maybe(long amount) => _random.Next(2) == 0 ? 0 : amount;
}

using Auctions.Core;
using Auctions.HotState;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.Simulation;

/// <summary>A world in which nothing goes wrong but what a test does to it: for single histories that must go one way.</summary>
internal sealed class Calm
{
    private readonly Guards _guards;

    public Calm(Guards guards = Guards.All)
    {
        _guards = guards;
        Steps = new Steps(new Random(1));
        Ledger = new SimulatedLedger(Steps, guards);
        Redis = new SimulatedRedis(new SimulatedTime(Steps));
    }

    public Steps Steps { get; }

    public SimulatedLedger Ledger { get; }

    public SimulatedRedis Redis { get; }

    /// <summary>An auction from 100 by 10, an hour long, in the ledger and in Redis.</summary>
    public Guid Open()
    {
        var id = Guid.NewGuid();
        var terms = new Terms("seller", "USD", 100, 0, 0, new Increment.Fixed(10), SoftClose.None, 0);
        var head = new Head(0, Guid.NewGuid(), terms, AuctionState.Opened(AuctionStatus.Active, Steps.NowUs + 3_600_000_000));
        Ledger.Chains[id] = new Chain(head);
        Redis.Hydrate(id, null, head, []);
        return id;
    }

    /// <summary>A process of BiddingService.</summary>
    /// <param name="ledgerDown">Whether Postgres answers nobody of this process.</param>
    public PlaceBid NewInstance(BiddingOptions options, bool ledgerDown = false)
    {
        var wire = new Wire(Steps, new Random(2), () => 0);
        var hotState = new WiredRedis(wire, () => Redis, _guards);
        var ledger = new WiredLedger(wire, Ledger, () => ledgerDown, _guards);
        return new PlaceBid(hotState, ledger, new Recovery(hotState, ledger), options, new VelocityLimit(0, 0), new BiddingMetrics(),
            new SimulatedTime(Steps), NullLoggerFactory.Instance);
    }

    public static BidRequest Proxy(Guid auctionId, string bidder, long max) =>
        new(auctionId, new Bid(bidder, Guid.NewGuid(), BidKind.Proxy, "USD", 0, max), Limited: false);

    /// <summary>Lets that begin, and the rest follow for so long.</summary>
    public void Run(Action begin, long us)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(Steps);
        begin();
        SynchronizationContext.SetSynchronizationContext(before);
        Steps.RunUntil(Steps.NowUs + us);
    }
}

using Auctions.Core;
using Auctions.HotState;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.Simulation;

/// <summary>
/// A simulated world without random faults, for tests of single histories whose result is known beforehand.
/// </summary>
internal sealed class FaultFreeWorld
{
    private readonly Guards _guards;

    public FaultFreeWorld(Guards guards = Guards.All)
    {
        _guards = guards;
        Scheduler = new SimulatedScheduler(new Random(1));
        Ledger = new SimulatedLedger(Scheduler, guards);
        Redis = new SimulatedRedis(new SimulatedTimeProvider(Scheduler));
    }

    public SimulatedScheduler Scheduler { get; }

    public SimulatedLedger Ledger { get; }

    public SimulatedRedis Redis { get; }

    /// <summary>
    /// Opens an auction at 100 with an increment of 10 for an hour. It is in the ledger and in Redis at once.
    /// </summary>
    public Guid OpenAuction()
    {
        var id = Guid.NewGuid();
        var terms = new Terms("seller", "USD", 100, 0, 0, new Increment.Fixed(10), SoftClose.None, 0);
        var state = AuctionState.Opened(AuctionStatus.Active, Scheduler.NowUs + 3_600_000_000);
        var head = new Head(0, Guid.NewGuid(), terms, state, Scheduler.NowUs);
        Ledger.Chains[id] = new Chain(head, Scheduler.NowUs);
        Redis.Hydrate(id, null, head, []);
        return id;
    }

    /// <summary>Starts a process of BiddingService: the real code behind a simulated network.</summary>
    /// <param name="ledgerDown">Whether this process cannot reach Postgres.</param>
    public PlaceBid NewInstance(BiddingOptions options, bool ledgerDown = false)
    {
        var network = new SimulatedNetwork(Scheduler, new Random(2), () => 0);
        var hotState = new RemoteRedis(network, () => Redis, _guards);
        var ledger = new RemoteLedger(network, Ledger, () => ledgerDown, _guards);
        return new PlaceBid(hotState, ledger, new Recovery(hotState, ledger), options, new VelocityLimit(0, 0),
            new BiddingMetrics(), new SimulatedTimeProvider(Scheduler), NullLoggerFactory.Instance);
    }

    public static BidRequest ProxyBid(Guid auctionId, string bidder, long max) =>
        new(auctionId, new Bid(bidder, Guid.NewGuid(), BidKind.Proxy, "USD", 0, max), Limited: false);

    /// <summary>Runs <paramref name="begin"/>, and then everything that follows within this time.</summary>
    public void Run(Action begin, long us)
    {
        Scheduler.InContext(begin);
        Scheduler.RunUntil(Scheduler.NowUs + us);
    }
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.Simulation;

/// <summary>One call as its client saw it.</summary>
/// <param name="Outcome">Null if the call failed: its client does not know the outcome of the bid.</param>
internal sealed record ClientCall(
    Guid AuctionId, Bid Bid, long FromUs, long ToUs, DecidedBid? Outcome, bool KeyReused);

/// <summary>
/// Two instances of BiddingService (the real code) and two auctions, over one ledger and a Redis that suffers faults. A
/// seed is a whole history. After the faults everything is healed and finished, and the <see cref="Checkers"/> compare
/// the ledger, Redis and the clients' own log.
/// </summary>
/// <remarks>Every random draw is part of a history: another order of draws is another history.</remarks>
internal sealed partial class World
{
    private const long FaultyUs = 400_000;
    private const long LedgerOutageUs = 5_000_000;
    private const long QuietUs = 60_000_000;

    private readonly Random _random;
    private readonly SimulatedScheduler _scheduler;
    private readonly Guards _guards;
    private readonly Instance[] _instances;
    private readonly Instance _closer;
    private readonly SimulatedRedis[] _servers;
    private readonly List<(Guid AuctionId, Bid Bid)> _sent = [];

    public World(int seed, Guards guards)
    {
        _guards = guards;
        _random = new Random(seed);
        _scheduler = new SimulatedScheduler(_random);
        _servers = [NewServer(), NewServer()];
        Ledger = new SimulatedLedger(_scheduler, guards);
        _instances = [new Instance(this, 0), new Instance(this, 1)];
        _closer = new Instance(this, 0);

        SimulatedRedis NewServer() => new(new SimulatedTimeProvider(_scheduler));
    }

    public SimulatedLedger Ledger { get; }

    /// <summary>The Redis server that everyone talks to once everything is healed.</summary>
    public SimulatedRedis Redis => _servers[0];

    public List<ClientCall> Calls { get; } = [];

    public int OpenCalls { get; private set; }

    /// <summary>The largest error of a deciding clock so far, microseconds.</summary>
    public long ClockErrorUs { get; private set; }

    public void Run()
    {
        var begin = _scheduler.NowUs;
        _scheduler.InContext(() =>
        {
            for (var i = 0; i < 2; i++) OpenAuction(begin);
            for (var at = 0L; at < FaultyUs; at += _random.Next(500, 12_000)) _scheduler.After(at, PlaceRandomBid);
            for (var at = 0L; at < FaultyUs; at += _random.Next(2_000, 60_000)) _scheduler.After(at, InjectFault);
        });
        _scheduler.RunUntil(begin + FaultyUs);
        if (_random.Next(8) == 0) LoseLedger();
        _scheduler.InContext(Heal);
        _scheduler.RunUntil(begin + QuietUs);
        _scheduler.InContext(() =>
        {
            foreach (var id in Ledger.Chains.Keys) _ = _instances[0].HydrateAsync(id);
        });
        _scheduler.RunUntil(begin + (2 * QuietUs));
    }

    private void OpenAuction(long nowUs)
    {
        Increment[] increments = [new Increment.Fixed(10), new Increment.BasisPoints(500), Increment.EbayUs];
        var terms = new Terms("seller", "USD", 100, _random.Next(3) == 0 ? 400 : 0, _random.Next(3) == 0 ? 900 : 0,
            increments[_random.Next(3)], new SoftClose(30_000, 20_000, _random.Next(4)), nowUs);
        var state = AuctionState.Opened(AuctionStatus.Active, nowUs + _random.Next(100_000, (int)FaultyUs));
        var id = NewId();
        Ledger.Chains[id] = new Chain(new Head(0, NewId(), terms, state));
        _ = CloseAsync(id);
    }

    /// <summary>
    /// Ids are random draws too: an auction's id chooses its lane, and the same seed must give the same run.
    /// </summary>
    private Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        _random.NextBytes(bytes);
        return new Guid(bytes);
    }

    /// <summary>A new bid, or one that was sent before: the same again, or its key with other content.</summary>
    private void PlaceRandomBid()
    {
        var ids = Ledger.Chains.Keys.ToArray();
        var auctionId = ids[_random.Next(ids.Length)];
        var bid = NewBid(ids);
        if (_sent.Count > 0 && _random.Next(5) == 0)
        {
            (auctionId, bid) = _sent[_random.Next(_sent.Count)];
            if (_random.Next(10) == 0) bid = bid with { Amount = bid.Amount + 1 };
        }

        _sent.Add((auctionId, bid));
        _ = PlaceAsync(_instances[_random.Next(2)], auctionId, bid);
    }

    /// <summary>A bid near the price of a random auction, which need not be the one that it is sent to.</summary>
    private Bid NewBid(Guid[] ids)
    {
        var bidder = _random.Next(40) == 0 ? "seller" : $"b{_random.Next(5)}";
        var price = Ledger.Chains[ids[_random.Next(ids.Length)]].Head.State.Price;
        long[] raises = [0, 5, 10, 15, 40, 90, 90, 200];
        var amount = Math.Max(100, price) + raises[_random.Next(raises.Length)];
        return _random.Next(30) switch
        {
            0 => new Bid(bidder, NewId(), BidKind.BuyNow, "", 0, 0),
            < 14 => new Bid(bidder, NewId(), BidKind.Direct, "USD", amount, 0),
            _ => new Bid(bidder, NewId(), BidKind.Proxy, "USD", 0, amount),
        };
    }

    private async Task PlaceAsync(Instance instance, Guid auctionId, Bid bid)
    {
        var fromUs = _scheduler.NowUs;
        OpenCalls++;
        instance.CallsToAbandon.Add(() => OpenCalls--);
        var mine = instance.CallsToAbandon.Count - 1;
        DecidedBid? outcome = null;
        var keyReused = false;
        try
        {
            var request = new BidRequest(auctionId, bid, Limited: false);
            outcome = (await instance.PlaceBid.PlaceAsync(request, CancellationToken.None)).Bid;
        }
        catch (KeyReusedException)
        {
            keyReused = true;
        }
        catch (Exception fault) when (fault is OutcomeUnknownException or OverloadedException
            or LedgerDownException or LedgerUnavailableException)
        {
            // The client does not know the outcome: its log has none.
        }

        instance.CallsToAbandon[mine] = () => { };
        OpenCalls--;
        Calls.Add(new ClientCall(auctionId, bid, fromUs, _scheduler.NowUs, outcome, keyReused));
    }

    /// <summary>
    /// What a closing wave does, with its own clock: seal Redis, append what is pending, seal the ledger. Repeats until
    /// the auction is over, as the closing guard does.
    /// </summary>
    private async Task CloseAsync(Guid auctionId)
    {
        while (!Ledger.Chains[auctionId].Head.State.IsOver)
        {
            await _scheduler.DelayAsync(_random.Next(1_000, 20_000));
            if (_scheduler.NowUs < Ledger.Chains[auctionId].Head.State.EndUs) continue;
            try
            {
                if (_guards.HasFlag(Guards.SealFirst))
                    await _closer.HotState.SealAsync(auctionId, force: false, CancellationToken.None);
                await _closer.Recovery.AppendPendingAsync(auctionId, CancellationToken.None);
                await _closer.Ledger.SealAsync(auctionId, _scheduler.NowUs);
            }
            catch (Exception fault) when (fault is HotStateUnavailableException or LedgerUnavailableException)
            {
                // The next round tries again.
            }
        }
    }

    /// <summary>A process of BiddingService: the real code, its network, and the calls that die with it.</summary>
    private sealed class Instance
    {
        private readonly SimulatedNetwork _network;
        private readonly SimulatedTimeProvider _timeProvider;

        public Instance(World world, int number)
        {
            _timeProvider = new SimulatedTimeProvider(world._scheduler);
            _network = new SimulatedNetwork(world._scheduler, world._random, () => world._lossy ? 0.02 : 0);
            HotState = new RemoteRedis(_network, () => world._servers[world._split ? number : 0], world._guards);
            Ledger = new RemoteLedger(_network, world.Ledger, () => world._ledgerDown, world._guards);
            Recovery = new Recovery(HotState, Ledger);
            var options = new BiddingOptions { Lanes = 2, TrimPendingMs = 20 };
            world._scheduler.InContext(() => PlaceBid = new PlaceBid(HotState, Ledger, Recovery, options,
                new VelocityLimit(0, 0), new BiddingMetrics(), _timeProvider, NullLoggerFactory.Instance));
        }

        public RemoteRedis HotState { get; }

        public RemoteLedger Ledger { get; }

        public Recovery Recovery { get; }

        public PlaceBid PlaceBid { get; private set; } = null!;

        /// <summary>What to do for each call when the process dies before it has answered.</summary>
        public List<Action> CallsToAbandon { get; } = [];

        public void Die()
        {
            _network.Dead = _timeProvider.Dead = true;
            foreach (var abandon in CallsToAbandon) abandon();
        }

        public Task HydrateAsync(Guid auctionId) => Recovery.HydrateAsync(auctionId, CancellationToken.None);
    }
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;
using BiddingService;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.Simulation;

/// <summary>One call as its client saw it.</summary>
/// <param name="Outcome">Null where the call failed: what became of the bid is then not known.</param>
internal sealed record Call(Guid AuctionId, Bid Bid, long FromUs, long ToUs, DecidedBid? Outcome, bool KeyReused);

/// <summary>
/// Two bidding instances (the real code) on two auctions, over one ledger and a Redis that much befalls; a seed is a whole history. After the storm
/// everything heals, what is left is finished, and the checkers look at ledger, Redis and the clients' own log.
/// </summary>
internal sealed class World
{
    private const long StormUs = 400_000;
    private const long LongUs = 5_000_000;
    private const long CalmUs = 60_000_000;

    private readonly Random _random;
    private readonly Steps _steps;
    private readonly Guards _guards;
    private readonly Instance[] _instances;
    private readonly Instance _closer;
    private readonly SimulatedRedis[] _servers;
    private readonly List<(Guid AuctionId, Bid Bid)> _sent = [];
    private bool _stormy = true;
    private bool _ledgerDown;
    private bool _split;
    private Dictionary<Guid, Hot> _snapshot = [];

    public World(int seed, Guards guards)
    {
        _guards = guards;
        _random = new Random(seed);
        _steps = new Steps(_random);
        _servers = [new SimulatedRedis(new SimulatedTime(_steps)), new SimulatedRedis(new SimulatedTime(_steps))];
        Ledger = new SimulatedLedger(_steps, guards);
        _instances = [new Instance(this, 0), new Instance(this, 1)];
        _closer = new Instance(this, 0);
    }

    public SimulatedLedger Ledger { get; }

    /// <summary>The server that everyone sees once all is healed.</summary>
    public SimulatedRedis Redis => _servers[0];

    public List<Call> Calls { get; } = [];

    public int CallsOpen { get; private set; }

    /// <summary>The most by which a deciding clock was off.</summary>
    public long ClockErrorUs { get; private set; }

    public void Run()
    {
        var begin = _steps.NowUs;
        Within(() =>
        {
            for (var i = 0; i < 2; i++) Open(begin);
            for (var at = 0L; at < StormUs; at += _random.Next(500, 12_000)) _steps.After(at, PlaceOne);
            for (var at = 0L; at < StormUs; at += _random.Next(2_000, 60_000)) _steps.After(at, Disaster);
        });
        _steps.RunUntil(begin + StormUs);
        if (_random.Next(8) == 0) LoseLedger();
        Within(Heal);
        _steps.RunUntil(begin + CalmUs);
        Within(() => { foreach (var id in Ledger.Chains.Keys) _ = _instances[0].HydrateAsync(id); });
        _steps.RunUntil(begin + (2 * CalmUs));
    }

    /// <summary>Runs what starts tasks, so that they continue under the simulation and nowhere else.</summary>
    private void Within(Action action)
    {
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(_steps);
        action();
        SynchronizationContext.SetSynchronizationContext(before);
    }

    private void Open(long nowUs)
    {
        Increment[] increments = [new Increment.Fixed(10), new Increment.BasisPoints(500), Increment.EbayUs];
        var terms = new Terms("seller", "USD", 100, _random.Next(3) == 0 ? 400 : 0, _random.Next(3) == 0 ? 900 : 0,
            increments[_random.Next(3)], new SoftClose(30_000, 20_000, _random.Next(4)), nowUs);
        var state = AuctionState.Opened(AuctionStatus.Active, nowUs + _random.Next(100_000, (int)StormUs));
        var id = NewId();
        Ledger.Chains[id] = new Chain(new Head(0, NewId(), terms, state));
        _ = CloseAsync(id);
    }

    /// <summary>Of the dice, for an auction's id chooses its lane: the same seed must give the same run.</summary>
    private Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        _random.NextBytes(bytes);
        return new Guid(bytes);
    }

    private void PlaceOne()
    {
        var ids = Ledger.Chains.Keys.ToArray();
        var (auctionId, bid) = (ids[_random.Next(ids.Length)], NewBid());
        if (_sent.Count > 0 && _random.Next(5) == 0)
        {
            (auctionId, bid) = _sent[_random.Next(_sent.Count)];
            if (_random.Next(10) == 0) bid = bid with { Amount = bid.Amount + 1 };
        }

        _sent.Add((auctionId, bid));
        _ = PlaceAsync(_instances[_random.Next(2)], auctionId, bid);

        Bid NewBid()
        {
            var bidder = _random.Next(40) == 0 ? "seller" : $"b{_random.Next(5)}";
            var price = Ledger.Chains[auctionId = ids[_random.Next(ids.Length)]].Head.State.Price;
            long[] steps = [0, 5, 10, 15, 40, 90, 90, 200];
            var amount = Math.Max(100, price) + steps[_random.Next(steps.Length)];
            return _random.Next(30) switch
            {
                0 => new Bid(bidder, NewId(), BidKind.BuyNow, "", 0, 0),
                < 14 => new Bid(bidder, NewId(), BidKind.Direct, "USD", amount, 0),
                _ => new Bid(bidder, NewId(), BidKind.Proxy, "USD", 0, amount),
            };
        }
    }

    private async Task PlaceAsync(Instance instance, Guid auctionId, Bid bid)
    {
        var fromUs = _steps.NowUs;
        CallsOpen++;
        instance.Open.Add(() => CallsOpen--);
        var mine = instance.Open.Count - 1;
        DecidedBid? outcome = null;
        var keyReused = false;
        try
        {
            outcome = (await instance.PlaceBid.PlaceAsync(new BidRequest(auctionId, bid, Limited: false), CancellationToken.None)).Bid;
        }
        catch (KeyReusedException)
        {
            keyReused = true;
        }
        catch (Exception fault) when (fault is OutcomeUnknownException or OverloadedException or LedgerDownException or LedgerUnavailableException)
        {
            // The client knows nothing, and says so in its log.
        }

        instance.Open[mine] = () => { };
        CallsOpen--;
        Calls.Add(new Call(auctionId, bid, fromUs, _steps.NowUs, outcome, keyReused));
    }

    /// <summary>What a closing wave does, with a clock of its own: seal Redis, append what is pending, seal the chain.</summary>
    private async Task CloseAsync(Guid auctionId)
    {
        while (!Ledger.Chains[auctionId].Head.State.IsOver)
        {
            await _steps.PassAsync(_random.Next(1_000, 20_000));
            if (_steps.NowUs < Ledger.Chains[auctionId].Head.State.EndUs) continue;
            try
            {
                if (_guards.HasFlag(Guards.SealFirst)) await _closer.HotState.SealAsync(auctionId, force: false, CancellationToken.None);
                await _closer.Recovery.AppendPendingAsync(auctionId, CancellationToken.None);
                await _closer.Ledger.SealAsync(auctionId, _steps.NowUs);
            }
            catch (Exception fault) when (fault is HotStateUnavailableException or LedgerUnavailableException)
            {
                // The guard comes again.
            }
        }
    }

    private void Disaster()
    {
        var server = _servers[0];
        var ids = Ledger.Chains.Keys.ToArray();
        switch (_random.Next(12))
        {
            case 0 or 1: _snapshot = server.Dump(); break;
            case 2 or 3: server.Load(_snapshot); break;
            case 4: server.Flush(); break;
            case 5: server.Forge(ids[_random.Next(ids.Length)], Forged); break;
            case 6: Crash(_random.Next(2)); break;
            case 7: Outage(() => server.Down = true, () => server.Down = false); break;
            case 8: Outage(() => _ledgerDown = true, () => _ledgerDown = false); break;
            case 9: Split(); break;
            case 10: Promote(); break;
            default: StepClock(server); break;
        }
    }

    /// <summary>An operator, or an enemy, edits the hash: any one field, the head included.</summary>
    private Hot Forged(Hot hot)
    {
        var (head, state) = (hot.Head, hot.Head.State);
        return hot with
        {
            Head = _random.Next(9) switch
            {
                0 => head with { State = state with { Price = Math.Max(0, state.Price + (_random.Next(2) == 0 ? -30 : 30)) } },
                1 => head with { State = state with { Ceiling = state.Ceiling + 50 } },
                2 => head with { State = state with { Leader = "b0" } },
                3 => head with { State = state with { EndUs = state.EndUs + _random.Next(-60_000, 60_000) } },
                4 => head with { State = state with { Status = AuctionStatus.Ended } },
                5 => head with { State = state with { Extensions = 0, BidCount = 0 } },
                6 => head with { Terms = head.Terms with { Increment = new Increment.Fixed(1), Reserve = 0, SellerId = "nobody" } },
                7 => head with { Version = Math.Max(0, head.Version - 1) },
                _ => head with { EntryId = NewId() },
            },
        };
    }

    private void Crash(int i)
    {
        _instances[i].Die();
        _instances[i] = new Instance(this, i);
    }

    private void Outage(Action begin, Action end)
    {
        begin();
        _steps.After(_random.Next(5_000, 80_000), end);
    }

    /// <summary>The ledger is away for longer than anyone waits, and bidders keep coming.</summary>
    private void LoseLedger()
    {
        _steps.RunUntil(_steps.NowUs + 80_000);
        _ledgerDown = true;
        Within(() => { for (var at = 0L; at < LongUs; at += _random.Next(20_000, 400_000)) _steps.After(at, PlaceOne); });
        _steps.RunUntil(_steps.NowUs + LongUs);
    }

    /// <summary>Both halves decide for a while, each for one instance; then one of them is thrown away.</summary>
    private void Split()
    {
        _servers[1].Load(_servers[0].Dump());
        _split = true;
        _steps.After(_random.Next(5_000, 80_000), () =>
        {
            _split = false;
            if (_random.Next(2) == 0) _servers[0].Load(_servers[1].Dump());
        });
    }

    /// <summary>A replica that was behind becomes the server: what it had some time ago is what there is.</summary>
    private void Promote()
    {
        var replica = _servers[0].Dump();
        _steps.After(_random.Next(1_000, 20_000), () => _servers[0].Load(replica));
    }

    private void StepClock(SimulatedRedis server)
    {
        server.Clock.ErrorUs = _random.Next(-20_000, 20_000);
        ClockErrorUs = Math.Max(ClockErrorUs, Math.Abs(server.Clock.ErrorUs));
    }

    private void Heal()
    {
        _stormy = false;
        _split = false;
        _ledgerDown = false;
        _servers[0].Down = false;
        _steps.After(200_000, () => { _split = false; _ledgerDown = false; _servers[0].Down = false; });
    }

    /// <summary>A process of BiddingService: the real code, its wire, and the calls that die with it.</summary>
    private sealed class Instance
    {
        private readonly Wire _wire;
        private readonly SimulatedTime _time;

        public Instance(World world, int number)
        {
            _time = new SimulatedTime(world._steps);
            _wire = new Wire(world._steps, world._random, () => world._stormy ? 0.02 : 0);
            HotState = new WiredRedis(_wire, () => world._servers[world._split ? number : 0], world._guards);
            Ledger = new WiredLedger(_wire, world.Ledger, () => world._ledgerDown, world._guards);
            Recovery = new Recovery(HotState, Ledger);
            world.Within(() => PlaceBid = new PlaceBid(HotState, Ledger, Recovery, new BiddingOptions { Lanes = 2, TrimPendingMs = 20 }, new VelocityLimit(0, 0), new BiddingMetrics(),
                _time, NullLoggerFactory.Instance));
        }

        public WiredRedis HotState { get; }

        public WiredLedger Ledger { get; }

        public Recovery Recovery { get; }

        public PlaceBid PlaceBid { get; private set; } = null!;

        /// <summary>What to do for each call that dies with the process.</summary>
        public List<Action> Open { get; } = [];

        public void Die()
        {
            _wire.Dead = _time.Dead = true;
            foreach (var call in Open) call();
        }

        public Task HydrateAsync(Guid auctionId) => Recovery.HydrateAsync(auctionId, CancellationToken.None);
    }
}

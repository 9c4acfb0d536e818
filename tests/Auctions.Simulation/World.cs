using Auctions.Core;
using Auctions.Ledger;
using BiddingService;

namespace Auctions.Simulation;

/// <summary>One call as its client saw it.</summary>
/// <param name="Outcome">Null if the call failed: its client does not know the outcome of the bid.</param>
internal sealed record ClientCall(
    Guid AuctionId, Bid Bid, long FromUs, long ToUs, DecidedBid? Outcome, bool KeyReused);

/// <summary>A seller's call that was answered.</summary>
/// <param name="Told">The auction as the seller was told that it ended.</param>
internal sealed record SellerCall(Guid AuctionId, AuctionRow Told);

/// <summary>
/// Two instances of BiddingService and two of AuctionService (the real code), and a few auctions, over one ledger and a
/// Redis that suffers faults. A seed is a whole history. After the faults everything is healed, and after the last end
/// has passed, the <see cref="Checkers"/> compare the ledger, Redis and the clients' own log.
/// </summary>
/// <remarks>Every random draw is part of a history: another order of draws is another history.</remarks>
internal sealed partial class World
{
    private const long FaultyUs = 400_000;
    private const long LedgerOutageUs = 5_000_000;
    private const long QuietUs = 60_000_000;
    private const long HourUs = 3_600_000_000;
    private const long GuardUs = 1_000_000;

    private readonly Random _random;
    private readonly SimulatedScheduler _scheduler;
    private readonly Surroundings _surroundings;
    private readonly BiddingProcess[] _bidding;
    private readonly AuctionProcess[] _auction;
    private readonly SimulatedRedis[] _servers;
    private readonly List<(Guid AuctionId, Bid Bid)> _sent = [];
    private readonly bool _clocksStep;

    public World(int seed, Guards guards)
    {
        _random = new Random(seed);
        _scheduler = new SimulatedScheduler(_random);
        _servers = [NewServer(), NewServer()];
        Ledger = new SimulatedLedger(_scheduler, guards);
        _surroundings = new Surroundings(_scheduler, _random, Ledger, guards, Log, () => _lossy ? 0.02 : 0,
            () => _ledgerDown, number => _servers[_split ? number : 0]);
        _clocksStep = _random.Next(3) == 0;
        _bidding = [StartBidding(0), StartBidding(1)];
        _auction = [StartAuction(0), StartAuction(1)];

        SimulatedRedis NewServer() => new(new SimulatedTimeProvider(_scheduler));
    }

    public SimulatedLedger Ledger { get; }

    /// <summary>The Redis server that everyone talks to once everything is healed.</summary>
    public SimulatedRedis Redis => _servers[0];

    public List<ClientCall> Calls { get; } = [];

    /// <summary>When each key was first sent, by whichever call: also by one that died with its process.</summary>
    public Dictionary<(Guid AuctionId, string Bidder, Guid Key), long> FirstSentUs { get; } = [];

    public List<SellerCall> SellerCalls { get; } = [];

    public DefectLog Log { get; } = new();

    public int OpenCalls { get; private set; }

    /// <summary>The ledger's clock when everything was healed.</summary>
    public long HealedUs { get; private set; }

    public void Run()
    {
        var begin = _scheduler.NowUs;
        _scheduler.InContext(() =>
        {
            for (var i = 0; i < 2; i++) OpenAuction(begin + _random.Next(100_000, (int)FaultyUs));
            if (_random.Next(3) == 0) OpenAuction(begin + (13 * HourUs));
            for (var at = 0L; at < FaultyUs; at += _random.Next(500, 12_000)) _scheduler.After(at, PlaceRandomBid);
            for (var at = 0L; at < FaultyUs; at += _random.Next(2_000, 60_000)) _scheduler.After(at, InjectFault);
            for (var at = 0L; at < FaultyUs; at += _random.Next(50_000, 400_000))
                _scheduler.After(at, EndRandomAuction);
        });
        _scheduler.RunUntil(begin + FaultyUs);
        if (_random.Next(8) == 0) LoseLedger();
        _scheduler.InContext(Heal);
        _scheduler.RunUntil(begin + QuietUs);
        PassAllEnds();
        _scheduler.RunUntil(begin + QuietUs + (QuietUs / 4));
        _isOver = true;
        _scheduler.InContext(() =>
        {
            foreach (var id in Ledger.Chains.Keys) _ = _bidding[0].Recovery.HydrateAsync(id, CancellationToken.None);
        });
        _scheduler.RunUntil(begin + (2 * QuietUs));
    }

    private void OpenAuction(long endUs)
    {
        var nowUs = _scheduler.NowUs;
        var startUs = _random.Next(4) == 0 ? nowUs + _random.Next(1_000, 80_000) : nowUs;
        Increment[] increments = [new Increment.Fixed(10), new Increment.BasisPoints(500), Increment.EbayUs];
        var terms = new Terms("seller", "USD", 100, _random.Next(3) == 0 ? 400 : 0, _random.Next(2) == 0 ? 900 : 0,
            increments[_random.Next(3)], new SoftClose(30_000, 20_000, _random.Next(4)), startUs);
        var status = startUs > nowUs ? AuctionStatus.Scheduled : AuctionStatus.Active;
        var id = NewId();
        Ledger.Chains[id] = new Chain(new Head(0, NewId(), terms, AuctionState.Opened(status, endUs), nowUs), nowUs);
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
        _ = PlaceAsync(_bidding[_random.Next(2)], auctionId, bid);
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
            0 or 1 => new Bid(bidder, NewId(), BidKind.BuyNow, "", 0, 0),
            < 15 => new Bid(bidder, NewId(), BidKind.Direct, "USD", amount, 0),
            _ => new Bid(bidder, NewId(), BidKind.Proxy, "USD", 0, amount),
        };
    }

    private async Task PlaceAsync(BiddingProcess instance, Guid auctionId, Bid bid)
    {
        var fromUs = _scheduler.NowUs;
        FirstSentUs.TryAdd((auctionId, bid.Bidder, bid.Key), fromUs);
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
            or LedgerDownException or LedgerUnavailableException or AuctionBusyException)
        {
            // The client does not know the outcome: its log has none.
        }

        instance.CallsToAbandon[mine] = () => { };
        OpenCalls--;
        Calls.Add(new ClientCall(auctionId, bid, fromUs, _scheduler.NowUs, outcome, keyReused));
    }

    /// <summary>The seller of a random auction ends or cancels it.</summary>
    private void EndRandomAuction()
    {
        var ids = Ledger.Chains.Keys.ToArray();
        _ = EndAsync(_auction[_random.Next(2)], ids[_random.Next(ids.Length)], cancel: _random.Next(2) == 0);
    }

    private async Task EndAsync(AuctionProcess instance, Guid auctionId, bool cancel)
    {
        if (await instance.EndAsync(auctionId, "seller", cancel) is { } told)
            SellerCalls.Add(new SellerCall(auctionId, told));
    }

    private BiddingProcess StartBidding(int number)
    {
        var process = new BiddingProcess(_surroundings, number);
        _scheduler.InContext(() => _ = process.RepeatAsync(process.Sweep.LookAsync, () => NextLookUs(20_000, 100_000)));
        return process;
    }

    private AuctionProcess StartAuction(int number)
    {
        var process = new AuctionProcess(_surroundings, number);
        _scheduler.InContext(
            () => _ = process.RepeatAsync(process.WaveRunner.RunAsync, () => NextLookUs(1_000, 20_000)));
        return process;
    }

    /// <summary>While faults happen, the loops look so often that they meet many of them.</summary>
    private long NextLookUs(int minUs, int maxUs) =>
        _isOver ? 0 : HealedUs == 0 ? _random.Next(minUs, maxUs) : GuardUs;
}

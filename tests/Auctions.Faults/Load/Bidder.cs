using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Load;

/// <summary>
/// One bidder in a closed loop: a bid, its answer, the next bid.
/// <para>Concurrency: one task per bidder. It sends one request at a time, except for the double sends that it makes on
/// purpose. The lots and the log are shared with the other bidders.</para>
/// <para>Lifecycle: bids until <c>bidding</c> is cancelled, then resolves unknown outcomes until none is left, or until
/// <c>resolving</c> is cancelled.</para>
/// <para>Invariants: a bid whose outcome is unknown is sent again with the same key, at once or after other bids, until
/// the outcome is known. When an instance of BiddingService does not answer, the bidder moves to the next one.</para>
/// <para>Bounds: at most 20 bids with an unknown outcome; then it only resolves. It remembers 200 answered bids, to
/// repeat them.</para>
/// </summary>
internal sealed class Bidder(
    string name, int instance, Random random, LotCatalog catalog, BidCalls calls, LoadLog log, ServiceClients services,
    RunClock clock)
{
    private const int UnknownMax = 20, AnsweredMax = 200;
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan PauseMax = TimeSpan.FromMilliseconds(500);

    private readonly Queue<SentBid> _unknown = new();
    private readonly List<SentBid> _answered = [];
    private TimeSpan _pause = PauseMin;
    private int _instance = instance;

    /// <summary>Bids whose outcome is not known yet.</summary>
    public int Unknown => _unknown.Count;

    public async Task RunAsync(CancellationToken bidding, CancellationToken resolving)
    {
        while (!bidding.IsCancellationRequested) await StepAsync(resolving);
        while (_unknown.Count > 0 && !resolving.IsCancellationRequested) await ResolveAsync(resolving);
    }

    private async Task StepAsync(CancellationToken cancellationToken)
    {
        if (_unknown.Count >= UnknownMax || _unknown.Count > 0 && random.NextDouble() < 0.3)
        {
            await ResolveAsync(cancellationToken);
            return;
        }

        if (catalog.Pick(random) is not { } lot)
        {
            await PauseAsync(cancellationToken);
            return;
        }

        var dice = random.NextDouble();
        if (_answered.Count > 0 && dice < 0.07)
            await RepeatAsync(_answered[random.Next(_answered.Count)], dice, cancellationToken);
        else if (dice < 0.08)
            await ReadAsync(lot, cancellationToken);
        else
            await BidAsync(lot, twice: dice < 0.11, cancellationToken);
    }

    private async Task BidAsync(Lot lot, bool twice, CancellationToken cancellationToken)
    {
        var sent = log.Add(new SentBid(lot.Id, BidChoice.Next(lot, name, random)));
        if (twice)
        {
            // Like an impatient client: the same bid to both instances at once.
            await Task.WhenAll(
                calls.PlaceAsync(sent, 0, cancellationToken), calls.PlaceAsync(sent, 1, cancellationToken));
        }
        else
        {
            await calls.PlaceAsync(sent, _instance, cancellationToken);
        }

        await KeepAsync(sent, cancellationToken);
    }

    private async Task ResolveAsync(CancellationToken cancellationToken)
    {
        var sent = _unknown.Dequeue();
        if (random.NextDouble() < 0.25) await calls.AskAsync(sent, _instance, cancellationToken);
        else await calls.PlaceAsync(sent, _instance, cancellationToken);
        await KeepAsync(sent, cancellationToken);
    }

    /// <summary>Keeps a bid among the answered or the unknown ones. Pauses if it has no answer.</summary>
    private async Task KeepAsync(SentBid sent, CancellationToken cancellationToken)
    {
        if (sent.Answer is not null)
        {
            _pause = PauseMin;
            if (_answered.Count < AnsweredMax) _answered.Add(sent);
            else _answered[random.Next(AnsweredMax)] = sent;
            return;
        }

        _unknown.Enqueue(sent);
        _instance = (_instance + 1) % services.Bidding.Count;
        await PauseAsync(cancellationToken);
    }

    /// <summary>
    /// Uses an old key again: the same answer must come. Or sends the key with other content, which is an error.
    /// </summary>
    private Task RepeatAsync(SentBid sent, double dice, CancellationToken cancellationToken) => dice switch
    {
        < 0.01 => calls.ReuseKeyAsync(sent, _instance, cancellationToken),
        < 0.02 => calls.AskAsync(sent, _instance, cancellationToken),
        _ => calls.PlaceAsync(sent, _instance, cancellationToken),
    };

    private async Task ReadAsync(Lot lot, CancellationToken cancellationToken)
    {
        var began = clock.NowUs;
        try
        {
            var options = services.As(name, RetryPolicy.Deadline(clock), cancellationToken);
            var request = new V1.GetAuctionRequest { AuctionId = lot.Id.ToString() };
            var got = await services.Auction.GetAuctionAsync(request, options);
            log.Observed(new ObservedCall(lot.Id, "GetAuction", began, clock.NowUs, got.Auction.State.Version));
            log.Learn(lot.Id, got.Auction.State);
        }
        catch (global::Grpc.Core.RpcException e)
        {
            if (!RetryPolicy.MayRepeat(e)) log.Unexpected(lot.Id, $"GetAuction ended with {RetryPolicy.Text(e)}");
        }
    }

    private async Task PauseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await clock.DelayAsync(_pause * (0.5 + random.NextDouble()), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return; // the loops check the tokens themselves
        }

        _pause = _pause * 2 < PauseMax ? _pause * 2 : PauseMax;
    }
}

/// <summary>What bidders bid: mostly to lead, often too late, sometimes something that the rules reject.</summary>
internal static class BidChoice
{
    /// <summary>From here on nobody raises: far below 2^53, whatever the increment.</summary>
    private const long PriceMax = 10_000_000_000_000;

    /// <summary>A bid near the least amount that would lead, as far as the bidder knows.</summary>
    public static Bid Next(Lot lot, string bidder, Random random)
    {
        var least = lot.Minimum;
        var room = Math.Max(100, least / 50);
        return random.NextDouble() switch
        {
            _ when least > PriceMax => Direct(Math.Max(1, least / 2)),
            < 0.03 => new Bid(bidder, Key(random), BidKind.Direct, WrongCurrency(), least + random.NextInt64(room), 0),
            < 0.05 when lot.BuyNow > 0 => new Bid(bidder, Key(random), BidKind.BuyNow, "", 0, 0),
            < 0.17 => Direct(Math.Max(1, least - 1 - random.NextInt64(Math.Max(1, least / 4)))),
            < 0.60 => Direct(least + random.NextInt64(room / 4)),
            < 0.85 => Proxy(0, least + random.NextInt64(room)),
            _ => Proxy(least + random.NextInt64(room / 4), least + room / 4 + random.NextInt64(room)),
        };

        Bid Direct(long amount) => new(bidder, Key(random), BidKind.Direct, lot.Currency, amount, 0);

        string WrongCurrency() => lot.Currency == "EUR" ? "USD" : "EUR";

        Bid Proxy(long first, long ceiling) => new(bidder, Key(random), BidKind.Proxy, lot.Currency, first, ceiling);
    }

    /// <summary>The same key with other content, which is an error.</summary>
    public static Bid WithOtherContent(Bid bid) => bid.Kind == BidKind.BuyNow
        ? bid with { Kind = BidKind.Direct, Currency = "USD", Amount = 100 }
        : bid with { Kind = BidKind.Direct, Amount = bid.Limit + 1, Max = 0 };

    /// <summary>
    /// A UUID drawn from the run's seed, so that a failing run has the same keys when it is repeated.
    /// </summary>
    private static Guid Key(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}

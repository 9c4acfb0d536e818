using Auctions.Faults.Evidence;

namespace Auctions.Faults.Load;

/// <summary>
/// One bidder, closed loop: a bid, its answer, the next. Sticks to one BiddingService and moves to another when that does not answer. An
/// unknown outcome is asked for again under the same key, at once or after other bids, until it is known.
/// </summary>
internal sealed class Bidder(string name, int instance, Random random, Market market, BidCalls calls, LoadLog log, Services services, RunClock clock)
{
    private const int UnknownMax = 20, RememberedMax = 200;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10), LongestPause = TimeSpan.FromMilliseconds(500);

    private readonly Queue<SentBid> _unknown = new();
    private readonly List<SentBid> _answered = [];
    private TimeSpan _pause = FirstPause;
    private int _instance = instance;

    /// <summary>Bids whose outcome is not known yet.</summary>
    public int Unknown => _unknown.Count;

    /// <summary>Bids until <paramref name="bidding"/> is cancelled, then finds out what is unknown, until <paramref name="resolving"/> is.</summary>
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

        if (market.Pick(random) is not { } lot)
        {
            await PauseAsync(cancellationToken);
            return;
        }

        var dice = random.NextDouble();
        if (_answered.Count > 0 && dice < 0.07) await RepeatAsync(_answered[random.Next(_answered.Count)], dice, cancellationToken);
        else if (dice < 0.08) await ReadAsync(lot, cancellationToken);
        else await BidAsync(lot, twice: dice < 0.11, cancellationToken);
    }

    private async Task BidAsync(Lot lot, bool twice, CancellationToken cancellationToken)
    {
        var sent = log.Add(new SentBid(lot.Id, BidChoice.Next(lot, name, random)));
        // Some send the same twice at once, to both instances, as a client does that lost patience.
        if (twice) await Task.WhenAll(calls.PlaceAsync(sent, 0, cancellationToken), calls.PlaceAsync(sent, 1, cancellationToken));
        else await calls.PlaceAsync(sent, _instance, cancellationToken);
        await RemovePendingAsync(sent, cancellationToken);
    }

    private async Task ResolveAsync(CancellationToken cancellationToken)
    {
        var sent = _unknown.Dequeue();
        if (random.NextDouble() < 0.25) await calls.AskAsync(sent, _instance, cancellationToken);
        else await calls.PlaceAsync(sent, _instance, cancellationToken);
        await RemovePendingAsync(sent, cancellationToken);
    }

    private async Task RemovePendingAsync(SentBid sent, CancellationToken cancellationToken)
    {
        if (sent.Answer is not null)
        {
            _pause = FirstPause;
            if (_answered.Count < RememberedMax) _answered.Add(sent);
            else _answered[random.Next(RememberedMax)] = sent;
            return;
        }

        _unknown.Enqueue(sent);
        _instance = (_instance + 1) % services.Bidding.Count;
        await PauseAsync(cancellationToken);
    }

    /// <summary>An old key again: the same answer must come; or with other content, which is an error.</summary>
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
            var options = services.As(name, clock.Time.GetUtcNow().UtcDateTime + Calls.Deadline, cancellationToken);
            var got = await services.Auction.GetAuctionAsync(new V1.GetAuctionRequest { AuctionId = lot.Id.ToString() }, options);
            log.Observed(new ObservedCall(lot.Id, "GetAuction", began, clock.NowUs, got.Auction.State.Version));
            log.Learn(lot.Id, got.Auction.State);
        }
        catch (global::Grpc.Core.RpcException e)
        {
            if (!Calls.MayRepeat(e)) log.Unexpected(lot.Id, $"GetAuction ended with {Calls.Text(e)}");
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
            return; // the loops look for themselves
        }

        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }
}

using Auctions.Faults.Evidence;
using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>
/// Keeps auctions open for bidders: hot ones, with a soft close that gets fought over, and many cold ones; ends and cancels some. All of it again
/// and again until it is answered.
/// </summary>
internal sealed class Seller(string name, Random random, Market market, LoadLog log, Services services, RunClock clock, Action<Lot> opened)
{
    /// <summary>Longer than the stretch before its end in which a seller may not end an auction.</summary>
    private static readonly TimeSpan FarAhead = TimeSpan.FromHours(13);

    public const int HotOpen = 3, ColdOpen = 30;

    /// <summary>Opens and ends auctions until <paramref name="selling"/> is cancelled. What is open then and has an end gets there by itself.</summary>
    /// <param name="lengthUs">Of the run: no end is set later.</param>
    public async Task RunAsync(long lengthUs, CancellationToken selling, CancellationToken answered)
    {
        while (!selling.IsCancellationRequested)
        {
            try
            {
                market.Sort();
                if (market.OpenHot < HotOpen) await OpenAsync(hot: true, lengthUs, answered);
                else if (market.OpenCold < ColdOpen) await OpenAsync(hot: false, lengthUs, answered);
                else await EndOneAsync(selling, answered);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task OpenAsync(bool hot, long lengthUs, CancellationToken cancellationToken)
    {
        var terms = Offer(hot, lengthUs);
        var request = new CreateAuctionRequest { Auction = terms.Auction, IdempotencyKey = Guid.NewGuid().ToString() };
        var began = clock.NowUs;
        try
        {
            var created = await Calls.UntilAnsweredAsync(deadline => services.Auction.CreateAuctionAsync(request, services.As(name, deadline, cancellationToken)), clock, cancellationToken);
            var lot = new Lot(Guid.Parse(created.Auction.AuctionId), name, created.Auction.CurrencyCode, AnswerMap.Minor(created.Auction.BuyNowPrice), hot, terms.End,
                TimeMap.ToUs(created.Auction.OriginalEndTime) ?? 0);
            lot.Learn(AnswerMap.Minor(created.Auction.OpeningPrice));
            // Version 0, whatever the answer shows by now: the same request again is answered with the auction as it is.
            log.Observed(new ObservedCall(lot.Id, "CreateAuction", began, clock.NowUs, 0));
            log.Opened(lot);
            opened(lot);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument)
        {
            // Its times had passed before AuctionService was there to hear of them: it is offered anew.
        }
    }

    private (Auction Auction, LotEnd End) Offer(bool hot, long lengthUs)
    {
        var currency = random.Next(4) == 0 ? "EUR" : "USD";
        var end = hot ? LotEnd.Time : random.Next(10) switch { 0 => LotEnd.EndedBySeller, 1 => LotEnd.Cancelled, 2 => LotEnd.Open, _ => LotEnd.Time };
        var opening = random.NextInt64(100, 5_000);
        var now = clock.Time.GetUtcNow();
        var left = TimeSpan.FromMicroseconds(lengthUs - clock.NowUs);
        var open = TimeSpan.FromSeconds(hot ? random.Next(10, 30) : random.Next(5, 45));
        var start = !hot && random.Next(6) == 0 ? now + TimeSpan.FromSeconds(2) : now;
        var auction = new Auction
        {
            Title = $"Lot of {name}",
            CurrencyCode = currency,
            OpeningPrice = Money(opening),
            Increment = random.Next(3) switch
            {
                0 => new IncrementRule { Fixed = Money(random.NextInt64(1, 200)) },
                1 when !hot => new IncrementRule { BasisPoints = random.Next(5, 50) },
                _ => new IncrementRule { Table = "ebay-us" },
            },
            StartTime = start > now ? Timestamp.FromDateTimeOffset(start) : null,
            // The last ones end a little after the run, when all is whole again.
            OriginalEndTime = Timestamp.FromDateTimeOffset(end != LotEnd.Time ? now + FarAhead
                : start + (open < left ? open : (left > TimeSpan.Zero ? left : TimeSpan.Zero) + TimeSpan.FromSeconds(2 + random.NextDouble() * 3))),
        };
        if (random.Next(4) == 0) auction.ReservePrice = Money(opening * 4);
        if (!hot && random.Next(3) == 0) auction.BuyNowPrice = Money(opening * 10);
        if (hot || random.Next(3) == 0) auction.SoftClose = new SoftClose { Window = Seconds(2), Extension = Seconds(2), MaxExtensions = random.Next(1, 5) };
        return (auction, end);

        Money Money(long minor) => MoneyMap.FromMinor(minor, currency);
        static Duration Seconds(double seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));
    }

    /// <summary>Ends or cancels an auction that is meant for it, or rests.</summary>
    private async Task EndOneAsync(CancellationToken selling, CancellationToken answered)
    {
        await clock.DelayAsync(TimeSpan.FromMilliseconds(200 + random.Next(400)), selling);
        var lot = market.All.FirstOrDefault(l => l is { Over: false, End: LotEnd.EndedBySeller or LotEnd.Cancelled } && l.Seller == name);
        if (lot is null) return;
        var began = clock.NowUs;
        try
        {
            var over = await SendEndAsync(lot, answered);
            log.Observed(new ObservedCall(lot.Id, lot.End == LotEnd.Cancelled ? "CancelAuction" : "EndAuction", began, clock.NowUs, over.State.Version));
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            // Somebody has bought it, or it has not started yet; its end shows the rest.
            if (Calls.Text(e).EndsWith("NOT_STARTED", StringComparison.Ordinal)) return;
        }
        catch (RpcException e)
        {
            log.Unexpected(lot.Id, $"{lot.End} ended with {Calls.Text(e)}: {e.Status.Detail}");
        }

        lot.Over = true;
    }

    private async Task<Auction> SendEndAsync(Lot lot, CancellationToken cancellationToken)
    {
        var id = lot.Id.ToString();
        if (lot.End == LotEnd.Cancelled)
        {
            var cancelled = await Calls.UntilAnsweredAsync(deadline => services.Auction.CancelAuctionAsync(
                new CancelAuctionRequest { AuctionId = id, Reason = "changed my mind" }, services.As(name, deadline, cancellationToken)), clock, cancellationToken);
            return cancelled.Auction;
        }

        var ended = await Calls.UntilAnsweredAsync(deadline => services.Auction.EndAuctionAsync(
            new EndAuctionRequest { AuctionId = id }, services.As(name, deadline, cancellationToken)), clock, cancellationToken);
        return ended.Auction;
    }
}

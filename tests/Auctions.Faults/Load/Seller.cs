using Auctions.Faults.Evidence;
using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>
/// Keeps auctions open for bidders: a few hot ones with a soft close, where bids extend the end, and many cold ones.
/// Ends and cancels some of them.
/// <para>Concurrency: one task per seller; it makes one call at a time. The lots and the log are shared.</para>
/// <para>Lifecycle: opens and ends auctions until <c>selling</c> is cancelled. A call that has begun is repeated until
/// it is answered, or until <c>answered</c> is cancelled. Auctions that are still open end by themselves.</para>
/// <para>Invariants: an auction whose creation was answered is in the catalog and has a viewer. An end by time is at
/// most a few seconds after the run.</para>
/// <para>Bounds: it opens no auction while 3 hot and 30 cold ones are open.</para>
/// </summary>
internal sealed class Seller(
    string name, Random random, LotCatalog catalog, LoadLog log, ServiceClients services, RunClock clock,
    Action<Lot> opened)
{
    private const int HotMax = 3, ColdMax = 30;

    /// <summary>Sellers may not end an auction shortly before its end. This is longer than that period.</summary>
    private static readonly TimeSpan FarAhead = TimeSpan.FromHours(13);

    /// <param name="lengthUs">The length of the run.</param>
    public async Task RunAsync(long lengthUs, CancellationToken selling, CancellationToken answered)
    {
        while (!selling.IsCancellationRequested)
        {
            try
            {
                catalog.Refresh();
                if (catalog.OpenHot < HotMax) await OpenAsync(hot: true, lengthUs, answered);
                else if (catalog.OpenCold < ColdMax) await OpenAsync(hot: false, lengthUs, answered);
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
        var (auction, end) = NewAuction(hot, lengthUs);
        var request = new CreateAuctionRequest { Auction = auction, IdempotencyKey = Guid.NewGuid().ToString() };
        var began = clock.NowUs;
        try
        {
            var created = await RetryPolicy.UntilAnsweredAsync(deadline => services.Auction.CreateAuctionAsync(
                request, services.As(name, deadline, cancellationToken)), clock, cancellationToken);
            var lot = new Lot(Guid.Parse(created.Auction.AuctionId), name, created.Auction.CurrencyCode,
                AnswerMap.Minor(created.Auction.BuyNowPrice), hot, end,
                TimeMap.ToUs(created.Auction.OriginalEndTime) ?? 0);
            lot.RaiseMinimum(AnswerMap.Minor(created.Auction.OpeningPrice));
            // Version 0, whatever the answer shows: a repeated request is answered with the auction as it is by then.
            log.Observed(new ObservedCall(lot.Id, "CreateAuction", began, clock.NowUs, 0));
            log.Opened(lot);
            opened(lot);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument)
        {
            // Its times had passed before AuctionService was up again. The loop creates another one.
        }
    }

    private (Auction Auction, LotEnd End) NewAuction(bool hot, long lengthUs)
    {
        var currency = random.Next(4) == 0 ? "EUR" : "USD";
        var end = hot ? LotEnd.Time : random.Next(10) switch
        {
            0 => LotEnd.EndedBySeller,
            1 => LotEnd.Cancelled,
            2 => LotEnd.Open,
            _ => LotEnd.Time,
        };
        var opening = random.NextInt64(100, 5_000);
        var now = clock.TimeProvider.GetUtcNow();
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
                _ when currency == "USD" => new IncrementRule { Table = "ebay-us" },
                _ => new IncrementRule { Fixed = Money(50) },
            },
            StartTime = start > now ? Timestamp.FromDateTimeOffset(start) : null,
            OriginalEndTime = Timestamp.FromDateTimeOffset(end == LotEnd.Time ? start + OpenFor() : now + FarAhead),
        };
        if (random.Next(4) == 0) auction.ReservePrice = Money(opening * 4);
        if (!hot && random.Next(3) == 0) auction.BuyNowPrice = Money(opening * 10);
        if (hot || random.Next(3) == 0)
        {
            auction.SoftClose = new SoftClose
            {
                Window = Seconds(2),
                Extension = Seconds(2),
                MaxExtensions = random.Next(1, 5),
            };
        }

        return (auction, end);

        // The last auctions end a little after the run, when everything is healed.
        TimeSpan OpenFor()
        {
            if (open < left) return open;
            return (left > TimeSpan.Zero ? left : TimeSpan.Zero) + TimeSpan.FromSeconds(2 + random.NextDouble() * 3);
        }

        Money Money(long minor) => MoneyMap.FromMinor(minor, currency);

        static Duration Seconds(double seconds) => Duration.FromTimeSpan(TimeSpan.FromSeconds(seconds));
    }

    /// <summary>Pauses, and then ends or cancels one of the auctions that should end this way.</summary>
    private async Task EndOneAsync(CancellationToken selling, CancellationToken answered)
    {
        await clock.DelayAsync(TimeSpan.FromMilliseconds(200 + random.Next(400)), selling);
        var lot = catalog.All.FirstOrDefault(l =>
            l is { IsOver: false, End: LotEnd.EndedBySeller or LotEnd.Cancelled } && l.Seller == name);
        if (lot is null) return;
        var began = clock.NowUs;
        try
        {
            var over = await SendEndAsync(lot, answered);
            var call = lot.End == LotEnd.Cancelled ? "CancelAuction" : "EndAuction";
            log.Observed(new ObservedCall(lot.Id, call, began, clock.NowUs, over.State.Version));
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            // Somebody has bought it, or it has not started yet. Then a later round tries again.
            if (RetryPolicy.Text(e).EndsWith("NOT_STARTED", StringComparison.Ordinal)) return;
        }
        catch (RpcException e)
        {
            log.Unexpected(lot.Id, $"{lot.End} ended with {RetryPolicy.Text(e)}: {e.Status.Detail}");
        }

        lot.IsOver = true;
    }

    private async Task<Auction> SendEndAsync(Lot lot, CancellationToken cancellationToken)
    {
        var id = lot.Id.ToString();
        if (lot.End == LotEnd.Cancelled)
        {
            var cancelled = await RetryPolicy.UntilAnsweredAsync(deadline => services.Auction.CancelAuctionAsync(
                new CancelAuctionRequest { AuctionId = id, Reason = "changed my mind" },
                services.As(name, deadline, cancellationToken)), clock, cancellationToken);
            return cancelled.Auction;
        }

        var ended = await RetryPolicy.UntilAnsweredAsync(deadline => services.Auction.EndAuctionAsync(
            new EndAuctionRequest { AuctionId = id }, services.As(name, deadline, cancellationToken)), clock,
            cancellationToken);
        return ended.Auction;
    }
}

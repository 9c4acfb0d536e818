using Auctions.Ctl.Output;
using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Auctions.Ctl.Replay;

/// <summary>
/// Replays recorded auctions, each with a viewer, and checks them.
/// <para>Concurrency: a task for each auction. A semaphore limits how many auctions receive bids at the same time; an
/// auction that only waits for its end does not count.</para>
/// <para>Lifecycle: ends when the last auction has ended, or when cancelled.</para>
/// <para>Invariants: a bid is sent after the answer to the previous bid, so decisions have the recorded order.</para>
/// <para>Bounds: a request is given up after 60 s, a final frame 60 s after the end of the auction.</para>
/// </summary>
/// <param name="endAfter">How long each auction stays open; null: see <see cref="DurationEstimator"/>.</param>
/// <param name="parallel">How many auctions receive bids at the same time.</param>
public sealed class ReplayRun(ReplayClients clients, TimeSpan? endAfter, int parallel, TimeProvider timeProvider)
{
    public async Task<ReplayReport> RunAsync(
        IReadOnlyList<RecordedAuction> auctions, CancellationToken cancellationToken)
    {
        var progress = new ReplayProgress(auctions.Count, auctions.Sum(auction => auction.Bids.Count));
        await using var line = new ProgressLine(progress.Text, timeProvider);
        using var bidding = new SemaphoreSlim(parallel);
        var replay = new AuctionReplay(clients, new DurationEstimator(endAfter), bidding, progress, timeProvider);
        return ReplayReport.Of(await Task.WhenAll(auctions.Select(a => replay.RunAsync(a, cancellationToken))));
    }
}

/// <summary>
/// Replays one recorded auction: creates it, sends its bids one after another, waits for the viewer's final frame, and
/// reads back what the services say.
/// </summary>
/// <param name="bidding">Limits how many auctions receive bids at the same time.</param>
public sealed class AuctionReplay(
    ReplayClients clients, DurationEstimator durations, SemaphoreSlim bidding, ReplayProgress progress,
    TimeProvider timeProvider)
{
    /// <summary>How late the final frame may come.</summary>
    private static readonly TimeSpan FinalFrameTimeout = TimeSpan.FromSeconds(60);

    public async Task<ReplayedAuction> RunAsync(RecordedAuction recorded, CancellationToken cancellationToken)
    {
        var answers = new List<Answer>(recorded.Bids.Count);
        var frames = new FrameLog();
        var replayed = new ReplayedAuction(
            recorded, "", answers, frames, new Dictionary<Guid, BidResult?>(), Listed: [], Final: null, Failure: null);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var viewer = Task.CompletedTask;
        try
        {
            await bidding.WaitAsync(cancellationToken);
            try
            {
                var auction = await CreateAsync(recorded, cancellationToken);
                replayed = replayed with { AuctionId = auction.AuctionId };
                viewer = new Viewer(clients, timeProvider).WatchAsync(auction.AuctionId, frames, watching.Token);
                foreach (var bid in recorded.Bids)
                    answers.Add(await PlaceAsync(auction.AuctionId, bid, cancellationToken));
            }
            finally
            {
                bidding.Release();
            }

            await AwaitEndAsync(replayed, viewer, watching);
            replayed = await ReadBackAsync(replayed, cancellationToken);
            progress.Ended();
            return replayed;
        }
        catch (RpcException e)
        {
            return replayed with { Failure = $"{e.StatusCode}: {e.Status.Detail}" };
        }
        finally
        {
            await watching.CancelAsync();
            await viewer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // the result is decided
        }
    }

    private async Task<Auction> CreateAsync(RecordedAuction recorded, CancellationToken cancellationToken)
    {
        var end = timeProvider.GetUtcNow() + durations.For(recorded.Bids.Count);
        var auction = new Auction
        {
            Title = recorded.Item.Length > 0 ? recorded.Item : $"Replay of {recorded.Id}",
            CurrencyCode = RecordedAuction.CurrencyCode,
            OpeningPrice = Amount(recorded.Opening),
            ReservePrice = recorded.Reserve > 0 ? Amount(recorded.Reserve) : null,
            Increment = new IncrementRule { Table = Core.Increment.EbayUs.Name },
            OriginalEndTime = Timestamp.FromDateTimeOffset(end),
        };
        var request = new CreateAuctionRequest { Auction = auction, IdempotencyKey = Guid.NewGuid().ToString() };
        var created = await clients.SendAsync(
            RecordedAuction.Seller, Roles.Seller, options => clients.Auction.CreateAuctionAsync(request, options),
            cancellationToken);
        progress.Created();
        return created.Auction;
    }

    private async Task<Answer> PlaceAsync(string auctionId, RecordedBid bid, CancellationToken cancellationToken)
    {
        var key = Guid.NewGuid();
        var request = new PlaceBidRequest
        {
            AuctionId = auctionId,
            IdempotencyKey = key.ToString(),
            MaxAmount = Amount(bid.Max),
        };
        var began = timeProvider.GetTimestamp();
        var response = await clients.SendAsync(
            bid.Bidder, Roles.Bidder, options => clients.Bidding.PlaceBidAsync(request, options), cancellationToken);
        var latency = timeProvider.GetElapsedTime(began);
        durations.Observe(latency);
        progress.Answered(response.Result.Outcome != BidOutcome.Rejected);
        return new Answer(bid, key, response.Result, latency.TotalMilliseconds);
    }

    /// <summary>Waits for the final frame. If it does not come in time, the checks report that.</summary>
    private async Task AwaitEndAsync(ReplayedAuction replayed, Task viewer, CancellationTokenSource watching)
    {
        var left = replayed.Answers is [.., { Result.State: { } state }]
            ? state.EndTime.ToDateTimeOffset() - timeProvider.GetUtcNow()
            : durations.For(0);
        watching.CancelAfter((left > TimeSpan.Zero ? left : TimeSpan.Zero) + FinalFrameTimeout);
        try
        {
            await viewer;
        }
        catch (Exception e) when (
            e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled }
            && replayed.Frames.Ended is null)
        {
            // The frame is overdue, or the whole replay is cancelled: then the next call throws.
        }
    }

    private async Task<ReplayedAuction> ReadBackAsync(ReplayedAuction replayed, CancellationToken cancellationToken)
    {
        var request = new GetAuctionRequest { AuctionId = replayed.AuctionId };
        var got = await clients.SendAsync(
            Viewer.Subject, Roles.Viewer, options => clients.Auction.GetAuctionAsync(request, options),
            cancellationToken);
        var outcomes = new Dictionary<Guid, BidResult?>();
        foreach (var answer in replayed.Answers.Where(answer => answer.Result.Outcome == BidOutcome.Rejected))
            outcomes.Add(answer.Key, await OutcomeAsync(replayed.AuctionId, answer, cancellationToken));
        var listed = await ListAsync(replayed.AuctionId, cancellationToken);
        return replayed with { Final = got.Auction, Outcomes = outcomes, Listed = listed };
    }

    private async Task<BidResult?> OutcomeAsync(string auctionId, Answer answer, CancellationToken cancellationToken)
    {
        var request = new GetBidOutcomeRequest { AuctionId = auctionId, IdempotencyKey = answer.Key.ToString() };
        try
        {
            var outcome = await clients.SendAsync(
                answer.Bid.Bidder, Roles.Bidder, options => clients.Bidding.GetBidOutcomeAsync(request, options),
                cancellationToken);
            return outcome.Result;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }

    private async Task<List<V1.Bid>> ListAsync(string auctionId, CancellationToken cancellationToken)
    {
        var bids = new List<V1.Bid>();
        var request = new ListBidsRequest { AuctionId = auctionId, PageSize = 500 };
        do
        {
            var page = await clients.SendAsync(
                Viewer.Subject, Roles.Viewer, options => clients.Auction.ListBidsAsync(request, options),
                cancellationToken);
            bids.AddRange(page.Bids);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return bids;
    }

    private static Money Amount(long cents) => MoneyMap.FromMinor(cents, RecordedAuction.CurrencyCode);
}

/// <summary>
/// Estimates how long an auction must stay open so that all its bids are answered before its end: 30 s, or longer if
/// its bids take longer at three times the present latency. An auction is created right before its first bid.
/// </summary>
/// <param name="endAfter">A fixed duration; null = estimated.</param>
public sealed class DurationEstimator(TimeSpan? endAfter)
{
    private static readonly TimeSpan Minimum = TimeSpan.FromSeconds(30);
    private const int WeightMax = 1_000;
    private const double LatencyMsMax = 1_000;
    private readonly Lock _lock = new();

    // A mean over about the last thousand answers. It starts at the usual latency of a busy machine, with the weight
    // of 500 answers, so that the first answers of services that have just started count little. An answer counts as
    // one second at most: a bid that waited for a service that was down says nothing about the next bids.
    private double _meanMs = 100;
    private int _weight = 500;

    public TimeSpan For(int bids)
    {
        if (endAfter is { } fixedDuration) return fixedDuration;
        lock (_lock)
        {
            var needed = TimeSpan.FromMilliseconds(3 * _meanMs * bids);
            return needed > Minimum ? needed : Minimum;
        }
    }

    /// <summary>Takes the latency of an answer into account.</summary>
    public void Observe(TimeSpan latency)
    {
        lock (_lock)
        {
            _weight = Math.Min(_weight + 1, WeightMax);
            _meanMs += (Math.Min(latency.TotalMilliseconds, LatencyMsMax) - _meanMs) / _weight;
        }
    }
}

/// <summary>Counts events of the replay for the progress line. Thread-safe.</summary>
public sealed class ReplayProgress(int auctions, int bids)
{
    private int _created, _accepted, _rejected, _ended;

    public void Created() => Interlocked.Increment(ref _created);

    public void Answered(bool accepted) => Interlocked.Increment(ref accepted ? ref _accepted : ref _rejected);

    public void Ended() => Interlocked.Increment(ref _ended);

    public string Text() =>
        $"{_created}/{auctions} auctions created, {_accepted + _rejected}/{bids} bids answered ({_rejected} rejected), "
        + $"{_ended}/{auctions} ended";
}

using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Core = Auctions.Core;

namespace Auctions.Ctl.Replay;

/// <summary>
/// Plays one recorded auction against the services: creates it, sends its bids one after another, each when the one before
/// is answered, waits for the viewer's final frame, and reads back what the services now say.
/// </summary>
/// <param name="pace">How long an auction of so many bids stays open.</param>
/// <param name="gate">Bounds how many auctions are being bid in at once; waiting for the end takes no place.</param>
public sealed class AuctionPlay(ReplayClients clients, Retries retries, Pace pace, SemaphoreSlim gate, ReplayProgress progress, TimeProvider timeProvider)
{
    /// <summary>How long after the end the final frame may come before the wait is given up.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    public async Task<AuctionRun> RunAsync(RecordedAuction recorded, CancellationToken cancellationToken)
    {
        var answers = new List<Answer>(recorded.Bids.Count);
        var frames = new FrameLog();
        var run = new AuctionRun(recorded, "", answers, frames, new Dictionary<Guid, BidResult?>(), [], null, null);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var viewer = Task.CompletedTask;
        try
        {
            await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                var auction = await CreateAsync(recorded, cancellationToken).ConfigureAwait(false);
                run = run with { AuctionId = auction.AuctionId };
                viewer = new Viewer(clients, timeProvider).WatchAsync(auction.AuctionId, frames, watching.Token);
                foreach (var bid in recorded.Bids) answers.Add(await PlaceAsync(auction.AuctionId, bid, cancellationToken).ConfigureAwait(false));
            }
            finally
            {
                gate.Release();
            }

            await AwaitEndAsync(run, viewer, watching).ConfigureAwait(false);
            run = await ReadBackAsync(run, cancellationToken).ConfigureAwait(false);
            progress.Ended();
            return run;
        }
        catch (RpcException e)
        {
            return run with { Failure = $"{e.StatusCode}: {e.Status.Detail}" };
        }
        finally
        {
            await watching.CancelAsync().ConfigureAwait(false);
            await viewer.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // its failure, if any, is in the run
        }
    }

    private async Task<Auction> CreateAsync(RecordedAuction recorded, CancellationToken cancellationToken)
    {
        var auction = new Auction
        {
            Title = recorded.Item.Length > 0 ? recorded.Item : $"Replay of {recorded.Id}",
            CurrencyCode = ReplayVerdict.CurrencyCode,
            OpeningPrice = Amount(recorded.Opening),
            ReservePrice = recorded.Reserve > 0 ? Amount(recorded.Reserve) : null,
            Increment = new IncrementRule { Table = Core.Increment.EbayUs.Name },
            OriginalEndTime = Timestamp.FromDateTimeOffset(timeProvider.GetUtcNow() + pace.OpenFor(recorded.Bids.Count)),
        };
        var request = new CreateAuctionRequest { Auction = auction, IdempotencyKey = Guid.NewGuid().ToString() };
        var created = await retries.SendAsync(
            deadline => clients.Auction.CreateAuctionAsync(request, clients.As(ReplayVerdict.Seller, "seller", deadline, cancellationToken)), cancellationToken).ConfigureAwait(false);
        progress.Created();
        return created.Auction;
    }

    private async Task<Answer> PlaceAsync(string auctionId, RecordedBid bid, CancellationToken cancellationToken)
    {
        var key = Guid.NewGuid();
        var request = new PlaceBidRequest { AuctionId = auctionId, IdempotencyKey = key.ToString(), MaxAmount = Amount(bid.Max) };
        var began = timeProvider.GetTimestamp();
        var response = await retries.SendAsync(
            deadline => clients.Bidding.PlaceBidAsync(request, clients.As(bid.Bidder, "bidder", deadline, cancellationToken)), cancellationToken).ConfigureAwait(false);
        var latency = timeProvider.GetElapsedTime(began);
        pace.Took(latency);
        progress.Answered(response.Result.Outcome != BidOutcome.Rejected);
        return new Answer(bid, key, response.Result, latency.TotalMilliseconds);
    }

    /// <summary>Waits for the final frame; gives up where it is long overdue, which the checks then report.</summary>
    private async Task AwaitEndAsync(AuctionRun run, Task viewer, CancellationTokenSource watching)
    {
        var left = run.Answers is [.., { Result.State: { } state }] ? state.EndTime.ToDateTimeOffset() - timeProvider.GetUtcNow() : pace.OpenFor(0);
        watching.CancelAfter((left > TimeSpan.Zero ? left : TimeSpan.Zero) + Grace);
        try
        {
            await viewer.ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } && run.Frames.Ended is null)
        {
            // Overdue, or the whole replay is being cancelled: the next call says which.
        }
    }

    private async Task<AuctionRun> ReadBackAsync(AuctionRun run, CancellationToken cancellationToken)
    {
        var got = await retries.SendAsync(
            deadline => clients.Auction.GetAuctionAsync(
                new GetAuctionRequest { AuctionId = run.AuctionId }, clients.As("replay/viewer", "viewer", deadline, cancellationToken)), cancellationToken).ConfigureAwait(false);
        var outcomes = new Dictionary<Guid, BidResult?>();
        foreach (var answer in run.Answers.Where(answer => answer.Result.Outcome == BidOutcome.Rejected))
            outcomes.Add(answer.Key, await OutcomeAsync(run.AuctionId, answer, cancellationToken).ConfigureAwait(false));
        return run with { Final = got.Auction, Outcomes = outcomes, Listed = await ListAsync(run.AuctionId, cancellationToken).ConfigureAwait(false) };
    }

    private async Task<BidResult?> OutcomeAsync(string auctionId, Answer answer, CancellationToken cancellationToken)
    {
        try
        {
            var request = new GetBidOutcomeRequest { AuctionId = auctionId, IdempotencyKey = answer.Key.ToString() };
            var outcome = await retries.SendAsync(
                deadline => clients.Bidding.GetBidOutcomeAsync(request, clients.As(answer.Bid.Bidder, "bidder", deadline, cancellationToken)), cancellationToken).ConfigureAwait(false);
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
            var page = await retries.SendAsync(
                deadline => clients.Auction.ListBidsAsync(request, clients.As("replay/viewer", "viewer", deadline, cancellationToken)), cancellationToken).ConfigureAwait(false);
            bids.AddRange(page.Bids);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return bids;
    }

    private static Money Amount(long cents) => MoneyMap.FromMinor(cents, ReplayVerdict.CurrencyCode);
}

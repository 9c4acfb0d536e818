using Auctions.Platform.Contract;
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
public sealed class AuctionPlay(ReplayClients clients, Retries retries, Pace pace, SemaphoreSlim gate, ReplayProgress progress, TimeProvider time)
{
    /// <summary>How long after the end the final frame may come before the wait is given up.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(60);

    public async Task<AuctionRun> RunAsync(RecordedAuction recorded, CancellationToken cancellation)
    {
        var answers = new List<Answer>(recorded.Bids.Count);
        var frames = new FrameLog();
        var run = new AuctionRun(recorded, "", answers, frames, new Dictionary<Guid, PlaceBidResponse?>(), [], null, null);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var viewer = Task.CompletedTask;
        try
        {
            await gate.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                var auction = await CreateAsync(recorded, cancellation).ConfigureAwait(false);
                run = run with { AuctionId = auction.AuctionId };
                viewer = new Viewer(clients, time).WatchAsync(auction.AuctionId, frames, watching.Token);
                foreach (var bid in recorded.Bids) answers.Add(await PlaceAsync(auction.AuctionId, bid, cancellation).ConfigureAwait(false));
            }
            finally
            {
                gate.Release();
            }

            await AwaitEndAsync(run, viewer, watching).ConfigureAwait(false);
            run = await ReadBackAsync(run, cancellation).ConfigureAwait(false);
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

    private async Task<Auction> CreateAsync(RecordedAuction recorded, CancellationToken cancellation)
    {
        var auction = new Auction
        {
            Title = recorded.Item.Length > 0 ? recorded.Item : $"Replay of {recorded.Id}",
            CurrencyCode = Reckoning.CurrencyCode,
            OpeningPrice = Amount(recorded.Opening),
            ReservePrice = recorded.Reserve > 0 ? Amount(recorded.Reserve) : null,
            Increment = new IncrementRule { Table = Core.Increment.EbayUs.Name },
            OriginalEndTime = Timestamp.FromDateTimeOffset(time.GetUtcNow() + pace.OpenFor(recorded.Bids.Count)),
        };
        var request = new CreateAuctionRequest { Auction = auction, IdempotencyKey = Guid.NewGuid().ToString() };
        var created = await retries.SendAsync(
            deadline => clients.Auction.CreateAuctionAsync(request, clients.As(Reckoning.Seller, "seller", deadline, cancellation)), cancellation).ConfigureAwait(false);
        progress.Created();
        return created.Auction;
    }

    private async Task<Answer> PlaceAsync(string auctionId, RecordedBid bid, CancellationToken cancellation)
    {
        var key = Guid.NewGuid();
        var request = new PlaceBidRequest { AuctionId = auctionId, IdempotencyKey = key.ToString(), MaxAmount = Amount(bid.Max) };
        var began = time.GetTimestamp();
        var response = await retries.SendAsync(
            deadline => clients.Bidding.PlaceBidAsync(request, clients.As(bid.Bidder, "bidder", deadline, cancellation)), cancellation).ConfigureAwait(false);
        var latency = time.GetElapsedTime(began);
        pace.Took(latency);
        progress.Answered(response.Outcome != BidOutcome.Rejected);
        return new Answer(bid, key, response, latency.TotalMilliseconds);
    }

    /// <summary>Waits for the final frame; gives up where it is long overdue, which the checks then report.</summary>
    private async Task AwaitEndAsync(AuctionRun run, Task viewer, CancellationTokenSource watching)
    {
        var left = run.Answers is [.., { Response.State: { } state }] ? state.EndTime.ToDateTimeOffset() - time.GetUtcNow() : pace.OpenFor(0);
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

    private async Task<AuctionRun> ReadBackAsync(AuctionRun run, CancellationToken cancellation)
    {
        var got = await retries.SendAsync(
            deadline => clients.Auction.GetAuctionAsync(
                new GetAuctionRequest { AuctionId = run.AuctionId }, clients.As("replay/viewer", "viewer", deadline, cancellation)), cancellation).ConfigureAwait(false);
        var outcomes = new Dictionary<Guid, PlaceBidResponse?>();
        foreach (var answer in run.Answers.Where(answer => answer.Response.Outcome == BidOutcome.Rejected))
            outcomes.Add(answer.Key, await OutcomeAsync(run.AuctionId, answer, cancellation).ConfigureAwait(false));
        return run with { Final = got.Auction, Outcomes = outcomes, Listed = await ListAsync(run.AuctionId, cancellation).ConfigureAwait(false) };
    }

    private async Task<PlaceBidResponse?> OutcomeAsync(string auctionId, Answer answer, CancellationToken cancellation)
    {
        try
        {
            var request = new GetBidOutcomeRequest { AuctionId = auctionId, IdempotencyKey = answer.Key.ToString() };
            var outcome = await retries.SendAsync(
                deadline => clients.Bidding.GetBidOutcomeAsync(request, clients.As(answer.Bid.Bidder, "bidder", deadline, cancellation)), cancellation).ConfigureAwait(false);
            return outcome.Result;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }

    private async Task<List<V1.Bid>> ListAsync(string auctionId, CancellationToken cancellation)
    {
        var bids = new List<V1.Bid>();
        var request = new ListBidsRequest { AuctionId = auctionId, PageSize = 500 };
        do
        {
            var page = await retries.SendAsync(
                deadline => clients.Auction.ListBidsAsync(request, clients.As("replay/viewer", "viewer", deadline, cancellation)), cancellation).ConfigureAwait(false);
            bids.AddRange(page.Bids);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return bids;
    }

    private static Money Amount(long cents) => MoneyMap.FromMinor(cents, Reckoning.CurrencyCode);
}

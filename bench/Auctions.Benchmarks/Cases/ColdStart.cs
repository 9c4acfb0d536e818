using System.Diagnostics;
using Auctions.Benchmarks.Machine;
using Auctions.Grpc;
using Auctions.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Auctions.Benchmarks.Cases;

/// <summary>What the first caller after a deploy waits for; medians of several starts.</summary>
/// <param name="StartMs">From the launch of BiddingService until it says SERVING, its warm-ups included.</param>
/// <param name="FirstMs">The first bid after that.</param>
/// <param name="WarmMs">The median of later bids, each the first of its auction too.</param>
internal sealed record ColdStartResult(int Starts, double StartMs, double FirstMs, double WarmMs)
{
    public double FirstVsWarm => FirstMs / WarmMs;
}

/// <summary>
/// Restarts BiddingService and bids. Every bid is the first of its auction, so that the first one and the warm ones do
/// the same work: Redis does not hold the auction and is hydrated from the ledger. The client is warm: one start is not
/// counted.
/// </summary>
internal sealed class ColdStart(BenchStack stack, AuctionSeeder seeder, TimeProvider timeProvider)
{
    private const int Starts = 5, WarmBids = 100;

    public async Task<ColdStartResult> RunAsync(CancellationToken cancellationToken)
    {
        var auctions = await seeder.SeedOursAsync((Starts + 1) * (WarmBids + 1), cancellationToken);
        var remaining = new Queue<Guid>(auctions.Ids);
        var results = new List<ColdStartResult>();
        for (var start = 0; start <= Starts; start++) results.Add(await MeasureAsync(remaining, cancellationToken));
        results.RemoveAt(0);
        return new ColdStartResult(Starts, Median(r => r.StartMs), Median(r => r.FirstMs), Median(r => r.WarmMs));

        double Median(Func<ColdStartResult, double> by) => by(results.MedianBy(by));
    }

    private async Task<ColdStartResult> MeasureAsync(Queue<Guid> auctions, CancellationToken cancellationToken)
    {
        var began = timeProvider.GetTimestamp();
        await stack.RestartAsync(BenchStack.Bidding, cancellationToken);
        var startMs = timeProvider.GetElapsedTime(began).TotalMilliseconds;

        using var channel = GrpcChannel.ForAddress($"http://{stack.Address(BenchStack.Bidding)}");
        await channel.ConnectAsync(cancellationToken);
        var client = new V1.BiddingService.BiddingServiceClient(channel);
        var issuer = new TokenIssuer(stack.JwtKey, timeProvider);
        var token = issuer.Mint("bidder", Roles.Bidder, TimeSpan.FromHours(1), Caller.VelocityExemption);
        var headers = new Metadata { { "authorization", $"Bearer {token}" } };

        var firstMs = await BidAsync();
        var warmMs = new List<double>();
        for (var i = 0; i < WarmBids; i++) warmMs.Add(await BidAsync());
        return new ColdStartResult(1, startMs, firstMs, warmMs.MedianBy(ms => ms));

        async Task<double> BidAsync()
        {
            var request = new PlaceBidRequest
            {
                AuctionId = auctions.Dequeue().ToString(),
                IdempotencyKey = Guid.NewGuid().ToString(),
                MaxAmount = MoneyMap.FromMinor(Load.BidMix.Opening, "USD"),
            };
            var sent = timeProvider.GetTimestamp();
            var response = await client.PlaceBidAsync(request, headers, cancellationToken: cancellationToken);
            if (response.Result.Outcome != V1.BidOutcome.Leading)
                throw new UnreachableException($"The first bid of an auction was answered {response.Result}.");
            return timeProvider.GetElapsedTime(sent).TotalMilliseconds;
        }
    }
}

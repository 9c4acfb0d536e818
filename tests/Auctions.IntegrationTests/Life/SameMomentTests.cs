using Auctions.Grpc;
using Auctions.IntegrationTests.Servers;
using Grpc.Core;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Life;

/// <summary>
/// Sellers, services, buyers and bidders act on an auction in the same moment, through both services. What each of them
/// was told must agree with how the auction ended.
/// </summary>
[Collection(ServersCollection.Name)]
public sealed class SameMomentTests(TestServers servers) : IAsyncLifetime
{
    private const int Rounds = 40;

    private TestStack _stack = null!;

    private V1.AuctionService.AuctionServiceClient Auctions => new(_stack.Services[0].Channel);

    private V1.BiddingService.BiddingServiceClient Bidding => new(_stack.Services[1].Channel);

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(servers.Postgres, servers.Redis);
        await _stack.StartServiceAsync(global::AuctionService.Composition.Build, "--Auction:Waves=false");
        await _stack.StartServiceAsync(global::BiddingService.Composition.Build);
    }

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task A_purchase_and_a_cancellation_are_never_both_acknowledged()
    {
        var (purchases, cancellations) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            var auction = await CreateAsync();
            var cancel = EndedByAsync(async () => (await Auctions.CancelAuctionAsync(
                new() { AuctionId = auction, Reason = "fraud" }, EndHeaders(round))).Auction);
            var buy = BuyAsync(auction, "ann");
            var bid = BidAsync(auction, "bob", 20_00);
            var (cancelled, purchase, placed) = (await cancel, await buy, await bid);

            var final = await OverAsync(auction);
            var bought = purchase.Outcome == V1.BidOutcome.Leading;
            purchases += bought ? 1 : 0;
            cancellations += cancelled is null ? 0 : 1;
            Assert.False(bought && cancelled is not null, $"round {round}: bought and cancelled");
            if (bought)
            {
                Assert.Equal((V1.AuctionStatus.Ended, "ann", V1.EndReason.BoughtNow),
                    (final.State.Status, final.WinnerId, final.EndReason));
            }

            if (cancelled is not null) AssertTold(cancelled, final);
            await AgreesAsync(final, placed, isPurchase: false);
            if (bought) await AgreesAsync(final, purchase, isPurchase: true);
        }

        // Each wins at times. If not, the test would prove little; the machine decides how often.
        Assert.True(purchases + cancellations > 0, $"{purchases} purchases, {cancellations} cancellations");
    }

    [Fact]
    public async Task A_bid_that_is_acknowledged_was_decided_before_the_end_that_is_declared()
    {
        for (var round = 0; round < Rounds / 2; round++)
        {
            var auction = await CreateAsync();
            await BidAsync(auction, "first", 10_00);
            var end = EndedByAsync(async () => (await Auctions.EndAuctionAsync(
                new() { AuctionId = auction, Reason = "enough" }, EndHeaders(round))).Auction);
            var bids = Enumerable.Range(0, 4).Select(i => BidAsync(auction, $"b{i}", 20_00 + i * 5_00)).ToArray();
            var ended = await end;

            var final = await OverAsync(auction);
            AssertTold(Assert.IsType<V1.Auction>(ended), final);
            foreach (var bid in bids) await AgreesAsync(final, await bid, isPurchase: false);
        }
    }

    /// <summary>The auction is as its ender was told, whom it may have shown more.</summary>
    private static void AssertTold(V1.Auction told, V1.Auction final)
    {
        told.ReservePrice = final.ReservePrice;
        Assert.Equal(told, final);
    }

    /// <summary>Whatever was accepted is in the ledger, before the end, and the rules agree with all of it.</summary>
    private async Task AgreesAsync(V1.Auction final, V1.BidResult bid, bool isPurchase)
    {
        Assert.Empty(await _stack.Database.AuditAsync(Guid.Parse(final.AuctionId)));
        if (bid.Outcome == V1.BidOutcome.Rejected) return;
        var entries = await _stack.Database.EntriesAsync(Guid.Parse(final.AuctionId));
        Assert.Contains(entries, e => e.Id.ToString() == bid.BidId);
        if (final.State.Status != V1.AuctionStatus.Ended) return;
        var (decided, end) = (bid.DecideTime.ToDateTime(), final.State.EndTime.ToDateTime());
        Assert.True(isPurchase ? decided == end : decided < end, $"decided at {decided:O}, ended at {end:O}");
    }

    private async Task<string> CreateAsync() => (await Auctions.CreateAuctionAsync(
        AuctionStack.Request(a =>
        {
            a.OriginalEndTime = AuctionStack.In(TimeSpan.FromDays(2));
            a.BuyNowPrice = Usd(90_00);
            a.ReservePrice = Usd(15_00);
        }), Headers("sel", Roles.Seller))).Auction.AuctionId;

    /// <summary>By turns the seller and a service.</summary>
    private static Metadata EndHeaders(int round) =>
        round % 2 == 0 ? Headers("sel", Roles.Seller) : Headers("svc", Roles.Service);

    private Task<V1.BidResult> BuyAsync(string auction, string bidder) => KnownAsync(async key =>
        (await Bidding.BuyNowAsync(new() { AuctionId = auction, IdempotencyKey = key },
            Headers(bidder, Roles.Bidder, "velocity"))).Result);

    private Task<V1.BidResult> BidAsync(string auction, string bidder, long cents) => KnownAsync(async key =>
        (await Bidding.PlaceBidAsync(new() { AuctionId = auction, IdempotencyKey = key, MaxAmount = Usd(cents) },
            Headers(bidder, Roles.Bidder, "velocity"))).Result);

    /// <summary>Sends a request again with its key until its outcome is known.</summary>
    private static async Task<V1.BidResult> KnownAsync(Func<string, Task<V1.BidResult>> send)
    {
        var key = Guid.NewGuid().ToString();
        V1.BidResult? result = null;
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                result = await send(key);
                return true;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
            {
                return false;
            }
        });
        return result!;
    }

    /// <summary>What the caller was told; null if the auction was over before.</summary>
    private static async Task<V1.Auction?> EndedByAsync(Func<Task<V1.Auction>> end)
    {
        try
        {
            return await end();
        }
        catch (RpcException e) when (RpcErrors.Reason(e) == "AUCTION_OVER")
        {
            return null;
        }
    }

    private async Task<V1.Auction> OverAsync(string auction)
    {
        V1.Auction? read = null;
        await Eventually.TrueAsync(async () =>
        {
            read = (await Auctions.GetAuctionAsync(
                new() { AuctionId = auction }, Headers("sel", Roles.Seller))).Auction;
            return read.State.Status is V1.AuctionStatus.Ended or V1.AuctionStatus.Cancelled;
        });
        return read!;
    }
}

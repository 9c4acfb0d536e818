using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Life;

[Collection(LifeCollection.Name)]
public sealed class EndEarlyTests(LifeFixture fixture) : IClassFixture<LifeFixture>
{
    private static readonly Action<V1.Auction> TwoDays = a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromDays(2));
    private readonly LifeHost _host = fixture.Host;

    [Fact]
    public async Task Ending_sells_to_the_leader_and_nothing_follows()
    {
        var auction = await _host.CreateAsync(TwoDays);
        await _host.BidAsync(auction, "ann", 20_00);
        var ended = await EndAsync(auction);
        Assert.Equal((V1.AuctionStatus.Ended, "ann", V1.EndReason.EndedBySeller, 2L),
            (ended.State.Status, ended.WinnerId, ended.EndReason, ended.State.Version));

        var late = await _host.BidAsync(auction, "bob", 90_00);
        Assert.Equal(RejectionReason.Ended, late.Reason);

        // A retry finds what it asked for done.
        Assert.Equal(ended, await EndAsync(auction));
        Assert.Equal(1, await _host.CountAsync($"select count(*) from ledger where kind = 'sealed' and auction_id = '{auction.AuctionId}'"));
    }

    [Fact]
    public async Task The_etag_changes_with_the_status_and_the_sellers_text_and_never_with_a_bid()
    {
        var auction = await _host.CreateAsync(TwoDays);
        var other = await _host.CreateAsync(a => (a.Title, a.OriginalEndTime) = ("Another title", auction.OriginalEndTime));
        Assert.NotEmpty(auction.Etag);
        Assert.NotEqual(auction.Etag, other.Etag);

        await _host.BidAsync(auction, "ann", 20_00);
        var withBid = await _host.GetAsync(auction);
        Assert.Equal((1L, auction.Etag), (withBid.State.Version, withBid.Etag));

        Assert.NotEqual(auction.Etag, (await EndAsync(auction)).Etag);
    }

    [Fact]
    public async Task A_bid_that_Redis_decided_and_nobody_persisted_counts()
    {
        var auction = await _host.CreateAsync(TwoDays);
        await _host.BidAsync(auction, "ann", 20_00);
        await _host.BidAsync(auction, "bob", 30_00, persist: false);
        Assert.Equal("bob", (await EndAsync(auction)).WinnerId);
    }

    [Fact]
    public async Task In_the_last_hours_a_bid_that_would_win_holds_the_seller_to_the_end()
    {
        var auction = await _host.CreateAsync();
        await _host.BidAsync(auction, "ann", 20_00);
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal((StatusCode.FailedPrecondition, "LAST_HOURS"), (e.StatusCode, RpcErrors.Reason(e)));

        // And bidding goes on.
        Assert.True((await _host.BidAsync(auction, "bob", 30_00)).Accepted);
    }

    [Fact]
    public async Task A_bid_that_would_not_win_holds_nobody()
    {
        var auction = await _host.CreateAsync(a => a.ReservePrice = LifeHost.Usd(50_00));
        await _host.BidAsync(auction, "ann", 20_00);
        var ended = await EndAsync(auction);
        Assert.Equal((V1.AuctionStatus.Ended, ""), (ended.State.Status, ended.WinnerId));
    }

    [Fact]
    public async Task A_pending_bid_that_would_win_holds_the_seller_too()
    {
        var auction = await _host.CreateAsync();
        await _host.BidAsync(auction, "ann", 20_00, persist: false);
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal("LAST_HOURS", RpcErrors.Reason(e));

        // Redis had stopped for nothing, and goes on.
        Assert.True((await _host.BidAsync(auction, "bob", 30_00)).Accepted);
    }

    [Fact]
    public async Task An_auction_is_its_sellers_alone_to_end_or_cancel()
    {
        var auction = await _host.CreateAsync(TwoDays);
        foreach (var subject in new[] { "other", "svc" })
        {
            var headers = LifeHost.As(subject, Roles.Seller | Roles.Service);
            var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.EndAuctionAsync(new V1.EndAuctionRequest { AuctionId = auction.AuctionId }, headers));
            Assert.Equal((StatusCode.PermissionDenied, "NOT_THE_SELLER"), (e.StatusCode, RpcErrors.Reason(e)));
            e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.CancelAuctionAsync(new V1.CancelAuctionRequest { AuctionId = auction.AuctionId }, headers));
            Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        }
    }

    [Fact]
    public async Task A_cancelled_auction_has_no_winner_and_keeps_the_reason()
    {
        var auction = await _host.CreateAsync();
        await _host.BidAsync(auction, "ann", 20_00);
        var cancelled = await CancelAsync(auction, "The clock broke.");
        Assert.Equal((V1.AuctionStatus.Cancelled, "", V1.EndReason.Unspecified), (cancelled.State.Status, cancelled.WinnerId, cancelled.EndReason));
        Assert.Equal("The clock broke.", (await _host.Lifecycle.ReadAuctionAsync(Guid.Parse(auction.AuctionId), CancellationToken.None))!.CancelReason);
        Assert.Equal(RejectionReason.Cancelled, (await _host.BidAsync(auction, "bob", 90_00)).Reason);

        Assert.Equal(cancelled, await CancelAsync(auction, "Again."));
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_OVER"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task What_has_ended_cannot_be_cancelled()
    {
        var auction = await _host.CreateAsync(TwoDays);
        await EndAsync(auction);
        var e = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(auction, ""));
        Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_OVER"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task What_has_not_started_can_be_cancelled_and_not_ended()
    {
        var auction = await _host.CreateAsync(a => (a.StartTime, a.OriginalEndTime) = (LifeHost.In(TimeSpan.FromHours(1)), LifeHost.In(TimeSpan.FromHours(2))));
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal("NOT_STARTED", RpcErrors.Reason(e));
        Assert.Equal(V1.AuctionStatus.Cancelled, (await CancelAsync(auction, "")).State.Status);
    }

    private async Task<V1.Auction> EndAsync(V1.Auction auction) =>
        (await _host.Client.EndAuctionAsync(new V1.EndAuctionRequest { AuctionId = auction.AuctionId }, LifeHost.As("sel"))).Auction;

    private async Task<V1.Auction> CancelAsync(V1.Auction auction, string reason) =>
        (await _host.Client.CancelAuctionAsync(new V1.CancelAuctionRequest { AuctionId = auction.AuctionId, Reason = reason }, LifeHost.As("sel"))).Auction;
}

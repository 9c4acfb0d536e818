using Auctions.Core;
using Auctions.Grpc;
using Auctions.IntegrationTests.Servers;
using Grpc.Core;
using static Auctions.IntegrationTests.Life.AuctionStack;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Life;

[Collection(ServersCollection.Name)]
public sealed class EndEarlyTests(AuctionFixture fixture) : IClassFixture<AuctionFixture>
{
    private static readonly Action<V1.Auction> TwoDays = a => a.OriginalEndTime = In(TimeSpan.FromDays(2));
    private readonly AuctionStack _stack = fixture.Stack;

    [Fact]
    public async Task An_auction_that_its_seller_ends_goes_to_the_leader_and_takes_no_more_bids()
    {
        var auction = await _stack.CreateAsync(TwoDays);
        await _stack.BidAsync(auction, "ann", 20_00);
        var ended = await EndAsync(auction);
        Assert.Equal((V1.AuctionStatus.Ended, "ann", V1.EndReason.EndedBySeller, 2L),
            (ended.State.Status, ended.WinnerId, ended.EndReason, ended.State.Version));

        var late = await _stack.BidAsync(auction, "bob", 90_00);
        Assert.Equal(RejectionReason.Ended, late.Reason);

        // A retry gets the same answer.
        Assert.Equal(ended, await EndAsync(auction));
        Assert.Equal(1, await _stack.CountAsync(
            $"select count(*) from ledger where kind = 'sealed' and auction_id = '{auction.AuctionId}'"));
    }

    [Fact]
    public async Task The_etag_changes_with_the_status_and_the_text_but_not_with_a_bid()
    {
        var auction = await _stack.CreateAsync(TwoDays);
        var other = await _stack.CreateAsync(
            a => (a.Title, a.OriginalEndTime) = ("Another title", auction.OriginalEndTime));
        Assert.NotEmpty(auction.Etag);
        Assert.NotEqual(auction.Etag, other.Etag);

        await _stack.BidAsync(auction, "ann", 20_00);
        var withBid = await _stack.GetAsync(auction);
        Assert.Equal((1L, auction.Etag), (withBid.State.Version, withBid.Etag));

        Assert.NotEqual(auction.Etag, (await EndAsync(auction)).Etag);
    }

    [Fact]
    public async Task A_bid_that_Redis_decided_counts_even_if_its_service_did_not_append_it()
    {
        var auction = await _stack.CreateAsync(TwoDays);
        await _stack.BidAsync(auction, "ann", 20_00);
        await _stack.BidAsync(auction, "bob", 30_00, persist: false);
        Assert.Equal("bob", (await EndAsync(auction)).WinnerId);
    }

    [Fact]
    public async Task In_the_last_hours_a_seller_can_neither_end_nor_cancel_an_auction_with_a_bid_that_would_win()
    {
        var auction = await _stack.CreateAsync();
        await _stack.BidAsync(auction, "ann", 20_00);
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal((StatusCode.FailedPrecondition, "LAST_HOURS"), (e.StatusCode, RpcErrors.Reason(e)));

        e = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(auction, ""));
        Assert.Equal((StatusCode.FailedPrecondition, "LAST_HOURS"), (e.StatusCode, RpcErrors.Reason(e)));

        // Bidding continues.
        Assert.True((await _stack.BidAsync(auction, "bob", 30_00)).Accepted);
    }

    [Fact]
    public async Task In_the_last_hours_a_seller_may_end_an_auction_whose_bids_would_not_win()
    {
        var auction = await _stack.CreateAsync(a => a.ReservePrice = Usd(50_00));
        await _stack.BidAsync(auction, "ann", 20_00);
        var ended = await EndAsync(auction);
        Assert.Equal((V1.AuctionStatus.Ended, ""), (ended.State.Status, ended.WinnerId));
    }

    [Fact]
    public async Task In_the_last_hours_a_pending_bid_that_would_win_counts_too()
    {
        var auction = await _stack.CreateAsync();
        await _stack.BidAsync(auction, "ann", 20_00, persist: false);
        var e = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(auction, ""));
        Assert.Equal("LAST_HOURS", RpcErrors.Reason(e));

        // Redis had stopped accepting bids, and accepts them again.
        Assert.True((await _stack.BidAsync(auction, "bob", 30_00)).Accepted);
    }

    [Fact]
    public async Task Only_the_seller_or_a_service_may_end_or_cancel_an_auction()
    {
        var auction = await _stack.CreateAsync(TwoDays);
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction, As("other")));
        Assert.Equal((StatusCode.PermissionDenied, "NOT_THE_SELLER"), (e.StatusCode, RpcErrors.Reason(e)));
        e = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(auction, "", As("other")));
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
    }

    [Fact]
    public async Task A_service_ends_or_cancels_any_auction_until_its_end_and_says_why()
    {
        var service = As("svc", Roles.Service);
        foreach (var cancels in (bool[])[false, true])
        {
            var auction = await _stack.CreateAsync(); // ends within the hour: its seller is bound
            await _stack.BidAsync(auction, "ann", 20_00);
            foreach (var reason in (string[])["", " ", "a\nb", new string('x', 501)])
            {
                var e = await Assert.ThrowsAsync<RpcException>(() => RunAsync(reason));
                Assert.Equal((StatusCode.InvalidArgument, "FIELD_INVALID"), (e.StatusCode, RpcErrors.Reason(e)));
            }

            Assert.Equal(V1.AuctionStatus.Active, (await _stack.GetAsync(auction)).State.Status);
            var ended = await RunAsync("Shill bidding.");
            Assert.Equal(
                cancels
                    ? (V1.AuctionStatus.Cancelled, "", V1.EndReason.Unspecified)
                    : (V1.AuctionStatus.Ended, "ann", V1.EndReason.EndedByService),
                (ended.State.Status, ended.WinnerId, ended.EndReason));
            Assert.Equal("Shill bidding.", (await _stack.GetAsync(auction)).ClosingReason);
            Assert.Equal(ended, await RunAsync("Again."));

            Task<V1.Auction> RunAsync(string reason) =>
                cancels ? CancelAsync(auction, reason, service) : EndAsync(auction, service, reason);
        }
    }

    [Fact]
    public async Task A_bought_auction_is_over_for_its_seller_and_for_a_service()
    {
        var auction = await _stack.CreateAsync(a =>
        {
            TwoDays(a);
            a.BuyNowPrice = Usd(40_00);
        });
        Assert.Equal(40, auction.BuyNowPrice.Units);
        var bought = await _stack.BidAsync(auction, "ann", 0, kind: BidKind.BuyNow);
        Assert.Equal(AuctionStatus.Bought, bought.After.Status);

        foreach (var headers in (Metadata[])[As("sel"), As("svc", Roles.Service)])
        {
            var e = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(auction, "regret", headers));
            Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_OVER"), (e.StatusCode, RpcErrors.Reason(e)));
            e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction, headers, "regret"));
            Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_OVER"), (e.StatusCode, RpcErrors.Reason(e)));
        }

        var ended = await _stack.EndedAsync(auction);
        Assert.Equal(("ann", V1.EndReason.BoughtNow, ""), (ended.WinnerId, ended.EndReason, ended.ClosingReason));
        Assert.Equal((null, null), (ended.BuyNowPrice, ended.State.MinimumBid));
    }

    [Fact]
    public async Task Buy_it_now_is_not_shown_once_an_auction_is_over()
    {
        var auction = await _stack.CreateAsync(a =>
        {
            TwoDays(a);
            a.BuyNowPrice = Usd(40_00);
        });
        var ended = await EndAsync(auction);
        Assert.Equal((null, null), (ended.BuyNowPrice, ended.State.MinimumBid));
    }

    [Fact]
    public async Task A_cancelled_auction_has_no_winner_and_keeps_the_reason()
    {
        var auction = await _stack.CreateAsync(TwoDays);
        await _stack.BidAsync(auction, "ann", 20_00);
        var cancelled = await CancelAsync(auction, "The clock broke.");
        Assert.Equal((V1.AuctionStatus.Cancelled, "", V1.EndReason.Unspecified),
            (cancelled.State.Status, cancelled.WinnerId, cancelled.EndReason));
        Assert.Equal("The clock broke.", (await _stack.GetAsync(auction)).ClosingReason);
        Assert.Equal(RejectionReason.Cancelled, (await _stack.BidAsync(auction, "bob", 90_00)).Reason);

        Assert.Equal(cancelled, await CancelAsync(auction, "Again."));
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_OVER"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task An_auction_that_has_ended_cannot_be_cancelled()
    {
        var auction = await _stack.CreateAsync(TwoDays);
        await EndAsync(auction);
        var e = await Assert.ThrowsAsync<RpcException>(() => CancelAsync(auction, ""));
        Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_OVER"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task An_auction_that_has_not_started_can_be_cancelled_but_not_ended()
    {
        var auction = await _stack.CreateAsync(
            a => (a.StartTime, a.OriginalEndTime) = (In(TimeSpan.FromHours(1)), In(TimeSpan.FromHours(2))));
        var e = await Assert.ThrowsAsync<RpcException>(() => EndAsync(auction));
        Assert.Equal("NOT_STARTED", RpcErrors.Reason(e));
        Assert.Equal(V1.AuctionStatus.Cancelled, (await CancelAsync(auction, "")).State.Status);
    }

    private async Task<V1.Auction> EndAsync(V1.Auction auction, Metadata? headers = null, string reason = "")
    {
        var request = new V1.EndAuctionRequest { AuctionId = auction.AuctionId, Reason = reason };
        return (await _stack.Client.EndAuctionAsync(request, headers ?? As("sel"))).Auction;
    }

    private async Task<V1.Auction> CancelAsync(V1.Auction auction, string reason, Metadata? headers = null)
    {
        var request = new V1.CancelAuctionRequest { AuctionId = auction.AuctionId, Reason = reason };
        return (await _stack.Client.CancelAuctionAsync(request, headers ?? As("sel"))).Auction;
    }
}

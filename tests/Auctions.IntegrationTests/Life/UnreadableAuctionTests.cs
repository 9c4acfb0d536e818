using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using AuctionService.Closing;
using Grpc.Core;
using static Auctions.IntegrationTests.Life.AuctionStack;

namespace Auctions.IntegrationTests.Life;

/// <summary>Auctions whose rows somebody set to nonsense when the database did not refuse it yet.</summary>
[Collection(ServersCollection.Name)]
public sealed class UnreadableAuctionTests(AuctionFixture fixture) : IClassFixture<AuctionFixture>
{
    private readonly AuctionStack _stack = fixture.Stack;

    [Theory]
    [InlineData("increment = 'bps:20000'", "increment must be an increment")]
    [InlineData("increment = 'fixed:0100'", "increment must be an increment")]
    [InlineData("currency = 'ZZZ'", "currency must be a currency of ISO 4217")]
    [InlineData("opening = 0", "opening must be 1 to")]
    [InlineData("reserve = -1", "reserve must be 0 to")]
    [InlineData("max_extensions = -1", "max_extensions must be 0 to")]
    [InlineData("start_us = -5", "start_us must be 0 to")]
    [InlineData("soft_close_window_us = 9223372036854775807", "soft_close_window_us must be 0 to")]
    [InlineData("leader = 'a b'", "leader must be empty or a bidder")]
    [InlineData("price = -1", "price must be 0 to")]
    [InlineData("ceiling = 9007199254740992", "ceiling must be 0 to")]
    [InlineData("bid_count = -1", "bid_count must be 0 to")]
    [InlineData("end_us = 9223372036854775807", "end_us must be 0 to")]
    public async Task It_is_shown_with_the_rule_that_is_broken(string damage, string fault)
    {
        var auction = await _stack.CreateAsync();
        await _stack.DamageAsync(auction, damage);

        var shown = await _stack.GetAsync(auction);
        Assert.StartsWith(fault, shown.Fault, StringComparison.Ordinal);
        Assert.Equal((auction.AuctionId, "A clock", "sel", V1.AuctionStatus.Active),
            (shown.AuctionId, shown.Title, shown.SellerId, shown.State.Status));
        await FailsAsync(async () => await _stack.Client.ListBidsAsync(new() { AuctionId = auction.AuctionId }));
        await FailsAsync(async () =>
            await _stack.Client.CancelAuctionAsync(new() { AuctionId = auction.AuctionId }, As("sel")));

        static async Task FailsAsync(Func<Task> call)
        {
            var e = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((StatusCode.FailedPrecondition, "AUCTION_UNREADABLE"), (e.StatusCode, RpcErrors.Reason(e)));
        }
    }

    [Fact]
    public async Task A_picture_that_is_null_is_left_out()
    {
        var auction = await _stack.CreateAsync();
        await _stack.DamageAsync(auction, "media_urls = array[['a', null], ['b', 'c']]");
        Assert.Equal(["a", "b", "c"], (await _stack.GetAsync(auction)).MediaUrls);
    }

    [Fact]
    public async Task It_does_not_show_a_secret()
    {
        var auction = await _stack.CreateAsync();
        await _stack.DamageAsync(auction, "reserve = -4711");
        Assert.DoesNotContain("4711", (await _stack.GetAsync(auction)).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("increment = 'bps:20000'", "ann")]
    [InlineData("leader = 'a b'", "")]
    public async Task It_is_sealed_with_the_others_though_Redis_holds_bids_of_it(string damage, string winner)
    {
        V1.Auction[] auctions = [await _stack.CreateAsync(), await _stack.CreateAsync(), await _stack.CreateAsync()];
        foreach (var auction in auctions) await _stack.BidAsync(auction, "ann", 20_00);
        await _stack.BidAsync(auctions[1], "bob", 30_00, persist: false); // its service died: nobody was told
        await _stack.DamageAsync(auctions[1], damage);
        foreach (var auction in auctions)
            await _stack.DamageAsync(auction, "end_us = now_us()"); // the trigger would change the head

        await _stack.Service.Get<CloseAuctions>().CloseDueAsync(CancellationToken.None);
        foreach (var auction in auctions)
        {
            var ended = await _stack.EndedAsync(auction); // the guard may have claimed it first
            Assert.Equal((V1.AuctionStatus.Ended, V1.EndReason.Time, auction == auctions[1] ? winner : "ann"),
                (ended.State.Status, ended.EndReason, ended.WinnerId));
        }
    }

    [Fact]
    public async Task A_bid_on_it_is_an_error_that_names_it_and_others_take_bids()
    {
        var (bad, good) = (await _stack.CreateAsync(), await _stack.CreateAsync());
        await _stack.DamageAsync(bad, "increment = 'bps:20000'");
        await _stack.Redis.KeyDeleteAsync(new HotKeys(Guid.Parse(bad.AuctionId)).Auction);
        var e = await Assert.ThrowsAsync<Auctions.Ledger.UnreadableAuctionException>(
            () => _stack.BidAsync(bad, "ann", 20_00));
        Assert.Equal(bad.AuctionId, e.AuctionId.ToString());
        Assert.Equal(StatusCode.FailedPrecondition, RpcErrors.From(e).StatusCode);
        Assert.Equal(BidOutcome.Leading, (await _stack.BidAsync(good, "ann", 20_00)).Outcome);
    }
}

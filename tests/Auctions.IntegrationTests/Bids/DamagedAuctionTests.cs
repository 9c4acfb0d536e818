using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.HotState;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Bids;

/// <summary>
/// The whole bid path on damaged keys: the damaged auction accepts a bid at once, its ledger is right, and nobody
/// beside it notices.
/// </summary>
public sealed class DamagedAuctionTests : IAsyncLifetime
{
    private BiddingStack _stack = null!;

    public async Task InitializeAsync() => _stack = await BiddingStack.StartAsync(
        settings: ["--Bidding:SweepSeconds=1", "--HotState:CallTimeoutMs=30000"]);

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task A_damaged_auction_takes_bids_and_those_beside_it_do_not_notice()
    {
        var beside = await _stack.OpenAsync();
        var besides = 100L;
        foreach (var name in DamagedKey.Names)
        {
            foreach (var type in DamagedKey.Types)
            {
                var damaged = await _stack.OpenAsync();
                var first = await _stack.BidAsync(damaged, "ann", 500);
                await DamagedKey.WriteAsync(
                    _stack.RedisClient.GetDatabase(), DamagedKey.Of(damaged, name, "bob"), type);

                var second = await _stack.BidAsync(damaged, "bob", 800);
                Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(beside, "eve", besides += 100)).Outcome);

                Assert.Equal(V1.BidOutcome.Leading, second.Outcome);
                var record = await _stack.AuditedAsync(damaged);
                Assert.Equal([first.BidId, second.BidId], record.Entries.Skip(1).Select(e => $"{e.Id}"));
            }
        }

        Assert.False(_stack.Service.Get<HotStateCircuit>().IsOpen);
    }

    /// <summary>The service that decided these bids died; one of their lines was damaged later.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_damaged_pending_line_loses_no_valid_entry(int damagedVersion)
    {
        var auction = await _stack.OpenAsync();
        await _stack.BidAsync(auction, "ann", 200);
        var (bob, cem) = (await DecideOnlyAsync(auction, "bob", 400), await DecideOnlyAsync(auction, "cem", 600));
        var pending = new HotKeys(auction).Pending;
        await _stack.RedisClient.GetDatabase().HashSetAsync(pending, damagedVersion, "nonsense");
        await _stack.RedisClient.GetDatabase().HashSetAsync(pending, "9", "nonsense");

        // The sweep finds them. What follows on a lost entry is lost with it.
        DecidedBid[] expected = damagedVersion == 1 ? [bob, cem] : [];
        await Eventually.TrueAsync(async () =>
            !await _stack.RedisClient.GetDatabase().KeyExistsAsync(pending));
        var record = await _stack.AuditedAsync(auction);
        Assert.Equal(expected.Select(e => e.Id), record.Entries.Skip(2).Select(e => e.Id));
    }

    [Fact]
    public async Task What_was_pending_under_the_earlier_layout_is_appended()
    {
        await _stack.StopServiceAsync();
        var auction = await _stack.OpenAsync();
        var head = await _stack.ReadHeadAsync(auction);
        var bid = DecidedBid.Decide(
            auction, head, Guid.CreateVersion7(), new Bid("ann", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 500),
            clockUs: Servers.TestStack.NowUs);
        await _stack.RedisClient.GetDatabase().HashSetAsync(
            $"auction:{{{auction}}}:pending", [new HashEntry(bid.Version, DecisionLine.Format(bid))]);

        await _stack.StartServiceAsync("--Bidding:SweepSeconds=1");

        await Eventually.TrueAsync(async () => (await _stack.ReadHeadAsync(auction)).EntryId == bid.Id);
    }

    private Task<DecidedBid> DecideOnlyAsync(Guid auction, string bidder, long cents) => _stack.DecideOnlyAsync(
        auction, new Bid(bidder, Guid.NewGuid(), BidKind.Proxy, "USD", 0, cents));
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using AuctionService.Closing;
using Google.Protobuf.WellKnownTypes;
using Xunit.Abstractions;
using static Auctions.IntegrationTests.Life.AuctionStack;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Life;

[Collection(ServersCollection.Name)]
public sealed class ClosingTests(TestServers servers, ITestOutputHelper output)
{
    private const string Sealed = "select count(*) from ledger where kind = 'sealed'";
    private const string Instants = "select count(*) from qrtz_triggers where trigger_group = 'instants'";

    /// <summary>Promise I9, where the machine is quiet.</summary>
    private static readonly TimeSpan LateMax = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task Auctions_with_the_same_end_are_each_sealed_once_with_the_right_winner()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var end = In(TimeSpan.FromHours(1));
        var auctions = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => stack.CreateAsync(a =>
        {
            a.OriginalEndTime = end;
            if (i % 3 == 0) a.ReservePrice = Usd(500_00);
        })));
        foreach (var auction in auctions.Take(30)) await stack.BidAsync(auction, "ann", 20_00);

        await using var pace = new MachinePace(() => stack.CountAsync("select 1"));
        await stack.EndSoonAsync();
        await AllEndedAsync(stack, auctions.Length);
        Assert.Equal(auctions.Length, await stack.CountAsync(Sealed));
        var late = TimeSpan.FromMicroseconds(await stack.CountAsync("select max(decided_us - end_us) from auctions"));
        var seen = $"sealed {late.TotalSeconds:0.00} s late; {pace}";
        output.WriteLine(seen);
        Assert.True(late >= TimeSpan.Zero, seen);
        Assert.True(late <= LateMax || !pace.IsQuiet, seen);
        Assert.Equal(20, await stack.CountAsync(
            "select count(*) from auctions where winner = 'ann' and bid_count = 1 and reserve = 0"));
        Assert.Equal(40, await stack.CountAsync("select count(*) from auctions where winner = ''"));
        Assert.Equal(
            auctions.Length, await stack.CountAsync("select count(*) from auctions where end_reason = 'time'"));
        await Eventually.TrueAsync(async () => await stack.CountAsync(Instants) == 0);
    }

    [Fact]
    public async Task An_auction_that_a_bid_extends_stays_open_until_the_new_end()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var auction = await stack.CreateAsync(a => a.SoftClose = new V1.SoftClose
        {
            Window = Duration.FromTimeSpan(TimeSpan.FromHours(1)),
            Extension = Duration.FromTimeSpan(TimeSpan.FromHours(1)),
            MaxExtensions = 1,
        });

        // At the first end, the bid is not in the ledger yet: only Redis knows of the extension.
        var bid = await stack.BidAsync(auction, "ann", 20_00, persist: false);
        Assert.Equal(1, bid.After.Extensions);
        await stack.PassAsync(auction.OriginalEndTime);
        await stack.Service.Get<CloseAuctions>().CloseDueAsync(CancellationToken.None);
        Assert.Equal(V1.AuctionStatus.Active, (await stack.GetAsync(auction)).State.Status);

        await stack.SetClockAsync(bid.After.EndUs);
        var ended = await stack.EndedAsync(auction);
        Assert.Equal(("ann", 2L, 1), (ended.WinnerId, ended.State.Version, ended.State.ExtensionsUsed));
        Assert.Equal(0, await stack.CountAsync($"{Sealed} and decided_us < end_us"));
        Assert.Equal(bid.After.EndUs, await stack.CountAsync("select end_us from auctions"));
    }

    [Fact]
    public async Task Without_Quartz_the_guard_closes_due_auctions_even_those_that_came_due_while_nothing_ran()
    {
        await using var stack = await AuctionStack.StartAsync(servers, settings: "--Auction:Waves=false");
        Assert.Equal(0, await stack.CountAsync("select count(*) from pg_tables where tablename like 'qrtz%'"));
        var first = await stack.CreateAsync();
        await stack.EndSoonAsync();
        await stack.EndedAsync(first);

        var auction = await stack.CreateAsync();
        await stack.StopInstanceAsync();
        await stack.MakeDueAsync("status = 'active'");
        await stack.StartInstanceAsync();
        await stack.EndedAsync(auction);
    }

    [Fact]
    public async Task A_bid_that_Redis_decided_in_time_wins_even_if_its_service_did_not_append_it()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var auction = await stack.CreateAsync();
        await stack.BidAsync(auction, "ann", 20_00, persist: false);
        await stack.PassAsync(auction.OriginalEndTime);
        Assert.Equal("ann", (await stack.EndedAsync(auction)).WinnerId);
        Assert.Empty(await PendingAsync(stack, auction));

        // Redis has no older state than the ledger.
        var hot = await stack.HotState.ReadHeadAsync(Guid.Parse(auction.AuctionId), CancellationToken.None);
        Assert.True(hot is null || hot.Value.Version == 2, $"Redis is at {hot}.");
    }

    [Fact]
    public async Task Redis_whose_clock_is_behind_cannot_hold_an_end_back()
    {
        await using var stack = await AuctionStack.StartAsync(servers, settings: "--Auction:Waves=false");
        var auction = await stack.CreateAsync();
        await stack.BidAsync(auction, "ann", 20_00);
        await stack.SetClockAsync(NowUs + 7_200_000_000); // Redis' clock is two hours behind the ledger's
        Assert.Equal("ann", (await stack.EndedAsync(auction)).WinnerId);
    }

    [Fact]
    public async Task Redis_accepts_bids_again_if_a_pending_bid_has_moved_the_end()
    {
        await using var stack = await AuctionStack.StartAsync(servers, settings: "--Auction:Waves=false");
        var auction = await stack.CreateAsync(a => a.SoftClose = new V1.SoftClose
        {
            Window = Duration.FromTimeSpan(TimeSpan.FromHours(1)),
            Extension = Duration.FromTimeSpan(TimeSpan.FromHours(1)),
            MaxExtensions = 2,
        });
        var bid = await stack.BidAsync(auction, "ann", 20_00, persist: false);
        Assert.Equal(1, bid.After.Extensions);

        // By the ledger's clock the first end has come, and the second one has not.
        await stack.SetClockAsync(bid.Before.EndUs);
        await Eventually.TrueAsync(async () => (await stack.GetAsync(auction)).State.ExtensionsUsed == 1);
        await Eventually.TrueAsync(async () =>
            (await stack.BidAsync(auction, "bob", 30_00, persist: false)).Accepted);
        Assert.Equal(V1.AuctionStatus.Active, (await stack.GetAsync(auction)).State.Status);
    }

    [Fact]
    public async Task A_forged_end_in_Redis_does_not_keep_an_auction_open_and_bids_decided_under_it_do_not_count()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var auction = await stack.CreateAsync();
        await stack.BidAsync(auction, "ann", 20_00);
        var key = new HotKeys(Guid.Parse(auction.AuctionId)).Auction;
        Assert.False(await stack.Redis.HashSetAsync(key, "end_us", NowUs + 7_200_000_000)); // the field was there
        await stack.BidAsync(auction, "bob", 90_00, persist: false);
        await stack.PassAsync(auction.OriginalEndTime);

        var ended = await stack.EndedAsync(auction);
        Assert.Equal(("ann", 1L), (ended.WinnerId, ended.State.BidCount));
        await Eventually.TrueAsync(async () => (await PendingAsync(stack, auction)).Count == 0);
    }

    [Fact]
    public async Task A_scheduled_auction_starts_at_its_start_time()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var auction = await stack.CreateAsync(a => a.StartTime = In(TimeSpan.FromMinutes(30)));
        Assert.Equal(V1.AuctionStatus.Scheduled, auction.State.Status);
        Assert.Equal(RejectionReason.NotStarted, (await stack.BidAsync(auction, "ann", 20_00)).Reason);
        await stack.PassAsync(auction.StartTime);
        await Eventually.TrueAsync(
            async () => (await stack.GetAsync(auction)).State.Status == V1.AuctionStatus.Active);
        Assert.Equal(1, await stack.CountAsync("select count(*) from ledger where kind = 'started' and version = 1"));

        // The bid before the start has loaded the auction into Redis. The start makes Redis forget it.
        await Eventually.TrueAsync(async () => await stack.HotState.ReadHeadAsync(
            Guid.Parse(auction.AuctionId), CancellationToken.None) is null);
        Assert.True((await stack.BidAsync(auction, "ann", 20_00)).Accepted);
    }

    [Fact]
    public async Task An_auction_whose_end_an_operator_moved_is_closed()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var auction = await stack.CreateAsync();
        await stack.MakeDueAsync();
        Assert.Equal(2, (await stack.EndedAsync(auction)).State.Version);
    }

    [Fact]
    public async Task Two_instances_seal_each_auction_exactly_once()
    {
        await using var stack = await AuctionStack.StartAsync(servers, 2, "--Auction:ClosingsMax=7");
        var hour = TimeSpan.FromHours(1);
        var ends = Enumerable.Range(0, 4).Select(i => In(hour + TimeSpan.FromSeconds(0.4 * i))).ToArray();
        var auctions = await Task.WhenAll(Enumerable.Range(0, 80).Select(i =>
            stack.CreateAsync(a => a.OriginalEndTime = ends[i / 2 % 4], instance: i % 2)));

        foreach (var auction in auctions.Take(20)) await stack.BidAsync(auction, "ann", 20_00, persist: false);
        await stack.PassAsync(ends[^1]);
        await AllEndedAsync(stack, auctions.Length);
        Assert.Equal(auctions.Length, await stack.CountAsync(Sealed));
        Assert.Equal(20, await stack.CountAsync("select count(*) from auctions where winner = 'ann'"));
    }

    private static Task AllEndedAsync(AuctionStack stack, int count) => Eventually.TrueAsync(
        async () => await stack.CountAsync("select count(*) from auctions where status = 'ended'") == count,
        $"{count} auctions have ended");

    private static Task<IReadOnlyList<DecidedBid>> PendingAsync(AuctionStack stack, V1.Auction auction) =>
        stack.HotState.ReadPendingAsync(Guid.Parse(auction.AuctionId), CancellationToken.None);
}

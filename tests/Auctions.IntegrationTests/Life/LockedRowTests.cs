using Auctions.IntegrationTests.Servers;
using static Auctions.IntegrationTests.Life.AuctionStack;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Life;

/// <summary>Due auctions whose rows an operator's open transaction has locked.</summary>
[Collection(ServersCollection.Name)]
public sealed class LockedRowTests(TestServers servers)
{
    /// <summary>More locked auctions than a wave claims, and all of them more overdue than the others.</summary>
    [Fact]
    public async Task Locked_auctions_keep_no_other_open_and_end_once_they_are_free()
    {
        await using var stack = await AuctionStack.StartAsync(servers, 2, "--Auction:ClosingsMax=3");
        var locked = await CreateAsync(stack, 7, TimeSpan.FromHours(1));
        var others = await CreateAsync(stack, 7, TimeSpan.FromHours(2));
        await using (var rows = await stack.LockAsync(locked))
        {
            await stack.SetClockAsync(NowUs + (long)TimeSpan.FromHours(3).TotalMicroseconds);

            foreach (var auction in others) await stack.EndedAsync(auction);
            foreach (var auction in locked)
                Assert.Equal(V1.AuctionStatus.Active, (await stack.GetAsync(auction)).State.Status);
        }

        foreach (var auction in locked) await stack.EndedAsync(auction);
    }

    [Fact]
    public async Task A_locked_auction_keeps_no_other_from_starting()
    {
        await using var stack = await AuctionStack.StartAsync(servers);
        var start = In(TimeSpan.FromMinutes(30));
        var (locked, other) = (await ScheduleAsync(), await ScheduleAsync());
        await using (var row = await stack.LockAsync([locked]))
        {
            await stack.SetClockAsync(NowUs + (long)TimeSpan.FromMinutes(40).TotalMicroseconds);
            await StartedAsync(other);
            Assert.Equal(V1.AuctionStatus.Scheduled, (await stack.GetAsync(locked)).State.Status);
        }

        await StartedAsync(locked);

        Task<V1.Auction> ScheduleAsync() => stack.CreateAsync(a => a.StartTime = start);

        Task StartedAsync(V1.Auction auction) => Eventually.TrueAsync(
            async () => (await stack.GetAsync(auction)).State.Status == V1.AuctionStatus.Active);
    }

    private static async Task<V1.Auction[]> CreateAsync(AuctionStack stack, int count, TimeSpan length)
    {
        var end = In(length);
        var auctions = new V1.Auction[count];
        for (var i = 0; i < count; i++) auctions[i] = await stack.CreateAsync(a => a.OriginalEndTime = end);
        return auctions;
    }
}

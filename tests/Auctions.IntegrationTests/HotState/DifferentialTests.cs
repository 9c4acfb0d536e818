using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using Xunit.Abstractions;

namespace Auctions.IntegrationTests.HotState;

/// <summary>
/// The script and <see cref="Rules"/> implement the same rules. Both decide random bids: the decisions must be equal in
/// every field, and the hash in Redis must be equal to the state.
/// </summary>
public sealed class DifferentialTests(RedisServer server, ITestOutputHelper output) : HotStateTest(server)
{
    private const int Bids = 110_000;

    /// <summary>So low that random bids reach it.</summary>
    private static readonly VelocityLimit Velocity = new(2, 60_000_000);

    /// <summary>All branches of the rules.</summary>
    private static readonly string[] Branches =
    [
        "Leading None", "Outbid None",
        .. Enum.GetValues<RejectionReason>().Where(r => r != RejectionReason.None).Select(r => $"Rejected {r}"),
        "Leading Direct", "Leading Proxy", "Leading BuyNow", "Outbid Direct", "Outbid Proxy",
        "Fixed Leading", "Fixed Outbid", "BasisPoints Leading", "BasisPoints Outbid", "Ladder Leading", "Ladder Outbid",
        "first bid", "leader again, Direct", "leader again, Proxy", "leader again, BuyNow",
        "tie", "just above the ceiling", "both amounts",
        "reserve met by this bid", "reserve still unmet", "ceiling holds the price", "increment saturates", "near 2^53",
        "on a step of the ladder", "too late to buy: the reserve was just met",
        "scheduled becomes active", "end moves", "extensions used up", "end would move back",
        "asked again", "replaced", "counted before, and replaced", "many bids in one call",
    ];

    private static readonly string[] Moments =
    [
        "at the end", "at the start", "in the last microsecond", "exactly at the window",
        "a microsecond before the window", "decided at the time of the head, which is later",
    ];

    [Fact]
    public async Task Redis_decides_as_the_rules_do()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var count = new BranchCount();
        var hotState = NewHotState(o => o.VelocityBidsMax = Velocity.BidsMax);
        while (count.Bids < Bids)
        {
            var sale = new RandomSale(random, await NowUsAsync());
            var auction = await SaleOnRedis.OpenAsync(sale, hotState, Redis, count, Velocity);
            for (var calls = 1 + random.Next(3); calls > 0; calls--)
            {
                var bids = 1 + random.Next(random.Next(3) == 0 ? 64 : 16);
                await auction.CallAsync(random, bids, await NowUsAsync(), exact: false, DecideAsync);
            }

            await auction.AssertSameHashAsync();
        }

        output.WriteLine($"{count.Bids} bids. {count}");
        count.AssertEach(5, Branches);

        async Task<IReadOnlyList<DecidedBid>> DecideAsync(Guid auctionId, UndecidedBid[] bids, long nowUs) =>
            (await hotState.DecideAsync(auctionId, bids, None))!.Bids;
    }

    /// <summary>A test cannot stop the server's clock, so here the script takes the time from its arguments.</summary>
    [Fact]
    public async Task Redis_decides_as_the_rules_do_to_the_microsecond()
    {
        const long aroundUs = 1_800_000_000_000_000;
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var count = new BranchCount();
        var script = new ScriptWithClock(Redis, Velocity);
        while (count.Bids < 20_000)
        {
            var sale = new RandomSale(random, aroundUs);
            var auction = await SaleOnRedis.OpenAsync(sale, HotState, Redis, count, Velocity);
            for (var calls = 0; calls < 4; calls++)
            {
                var endUs = auction.Head.State.EndUs;
                var nowUs = Math.Max(1, random.Next(-1, 2) + random.Next(6) switch
                {
                    0 => sale.Terms.StartUs,
                    1 => endUs,
                    2 => endUs - sale.Terms.SoftClose.WindowUs,
                    3 => endUs - sale.Terms.SoftClose.ExtensionUs,
                    _ => endUs - 1,
                });
                await auction.CallAsync(random, bids: 1 + random.Next(4), nowUs, exact: true, script.DecideAsync);
            }

            await auction.AssertSameHashAsync();
        }

        output.WriteLine($"{count.Bids} bids. {count}");
        count.AssertEach(10, Moments);
    }
}

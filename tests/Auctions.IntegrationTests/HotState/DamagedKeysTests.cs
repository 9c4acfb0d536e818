using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>
/// A damaged key is the trouble of its auction: every call answers, the circuit stays closed, the next hydration makes
/// the keys again, and an auction beside it in the same shard does not notice.
/// </summary>
public sealed class DamagedKeysTests(RedisServer server) : HotStateTest(server)
{
    private readonly Dictionary<string, Func<IHotState, Guid, Task>> _calls = new()
    {
        ["decide"] = (hotState, id) => hotState.DecideAsync(id, [Proxy("ann", 90_00, limited: true)], None),
        ["read head"] = (hotState, id) => hotState.ReadHeadAsync(id, None),
        ["read pending"] = (hotState, id) => hotState.ReadPendingAsync(id, None),
        ["remove pending"] = (hotState, id) => hotState.RemovePendingAsync(id, [1], None),
        ["leave index"] = (hotState, id) => hotState.RemovePendingAsync(id, [], None),
        ["seal"] = (hotState, id) => hotState.SealAsync(id, None),
        ["drop"] = (hotState, id) => hotState.DropIfBehindAsync(id, 1, Guid.NewGuid(), 0, None),
        ["read index"] = (hotState, _) => hotState.ReadPendingIndexAsync(None),
        ["repair index"] = (hotState, _) => hotState.RepairPendingIndexAsync(None),
    };

    public static TheoryData<string, string> Matrix => DamagedKey.Matrix;

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task No_call_fails_because_of_a_damaged_key(string name, string type)
    {
        using var circuit = new HotStateCircuit(
            HotState, TimeProvider.System, NullLogger<HotStateCircuit>.Instance);
        var neighbour = DamagedKey.NeighbourOf(AuctionId);
        var open = await OpenHeadAsync();
        Assert.True(await HotState.HydrateAsync(neighbour, null, open, [], None));
        var beside = Proxy("bob", 50_00);
        Assert.NotNull(await HotState.DecideAsync(neighbour, [beside], None));

        foreach (var (_, call) in _calls)
        {
            await HydrateAgainAsync(HotState);
            await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00, limited: true)], None);
            await DamagedKey.WriteAsync(Redis, DamagedKey.Of(AuctionId, name, "ann"), type);

            for (var i = 0; i < 3; i++) await call(circuit, AuctionId);

            Assert.False(circuit.IsOpen);
            await AcceptsABidAsync(circuit);
            Assert.Equal(beside.Id, Assert.Single(await HotState.ReadPendingAsync(neighbour, None)).Id);
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task A_damaged_key_is_hydrated_over(string name, string type)
    {
        await DamagedKey.WriteAsync(Redis, DamagedKey.Of(AuctionId, name, "ann"), type);
        await HydrateAgainAsync(HotState);
        await AcceptsABidAsync(HotState);
    }

    [Theory]
    [InlineData("leading")]
    [InlineData("leading  1")]
    [InlineData("leading  1 some more words")]
    [InlineData("\0\u0001\u0002")]
    public async Task A_stored_answer_that_cannot_be_read_is_a_miss(string line)
    {
        await HydrateAsync();
        var key = Guid.NewGuid();
        await SetAnswerAsync("ann", key, line);
        for (var misses = 0; await HotState.DecideAsync(AuctionId, [Proxy("ann", 50_00, key)], None) is null; misses++)
        {
            Assert.True(misses < 2);
            await HydrateAgainAsync(HotState);
        }
    }

    [Fact]
    public async Task An_answer_of_another_bidder_is_a_miss()
    {
        await HydrateAsync();
        var bobs = await DecideAsync(Proxy("bob", 60_00));
        var key = Guid.NewGuid();
        await SetAnswerAsync("ann", key, DecisionLine.Format(bobs));
        Assert.Null(await HotState.DecideAsync(AuctionId, [Proxy("ann", 70_00, key)], None));
        Assert.Equal([bobs], await HotState.ReadPendingAsync(AuctionId, None));
    }

    /// <summary>Other entries of the auction may not be in the ledger yet.</summary>
    [Theory]
    [InlineData("2", "nonsense")]
    [InlineData("2", "")]
    [InlineData("not a version", "nonsense")]
    [InlineData("", "")]
    public async Task A_damaged_pending_line_loses_no_entry_beside_it(string version, string line)
    {
        await HydrateAsync();
        var first = await DecideAsync(Proxy("ann", 50_00));
        await Redis.HashSetAsync(Keys.Pending, version, line);
        await Redis.HashSetAsync(Keys.Auction, "leader", new string('x', 5_000)); // the next lines are too long
        Assert.Null(await HotState.DecideAsync(AuctionId, [Proxy("bob", 60_00)], None));
        Assert.Equal([first], await HotState.ReadPendingAsync(AuctionId, None));
    }

    /// <summary>Nothing that a field of the hash may hold makes a call fail.</summary>
    [Fact]
    public async Task No_call_fails_because_of_a_damaged_field()
    {
        string[] values =
        [
            "", " ", "-1", "0", "1e400", "nan", "inf", "0x7f", "9007199254740993", new('9', 400), "007", "\0", "ä",
            "\r\n", new('x', 3_000), "active", "ended", "a b c d e f g h i j", "seller USD 1 0 0 0 0 0 1 bps:20000",
            "seller USD 1 0 0 0 0 0 1 ladder:x:0=0", "seller USD 1 0 0 0 0 0 1 fixed:" + new string('9', 400),
            "seller USD 1 0 0 9 9 9007199254740991 1 bps:9007199254740991",
        ];
        using var circuit = new HotStateCircuit(
            HotState, TimeProvider.System, NullLogger<HotStateCircuit>.Instance);
        foreach (var field in (string[])[.. (await HashOfAsync()).Keys, "kept_s"])
        {
            foreach (var value in values)
            {
                await HydrateAgainAsync(HotState);
                await Redis.HashSetAsync(Keys.Auction, field, value);
                foreach (var (_, call) in _calls) await call(circuit, AuctionId);
                Assert.False(circuit.IsOpen);
            }
        }

        await HydrateAgainAsync(HotState);
        await AcceptsABidAsync(HotState);
    }

    [Theory]
    [InlineData("by hand")]
    [InlineData("9999999999999999 ", 10)]
    [InlineData("0000000000000000 ", 10)]
    [InlineData("-000000000000001 ", 10)]
    [InlineData("x", 10_000)]
    public async Task A_damaged_velocity_window_locks_nobody_out(string text, int times = 1)
    {
        await HydrateAsync();
        await Redis.StringSetAsync(Keys.Velocity("ann"), string.Concat(Enumerable.Repeat(text, times)));
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("ann", 50_00, limited: true))).Outcome);
    }

    private async Task<Dictionary<string, string>> HashOfAsync()
    {
        await HydrateAgainAsync(HotState);
        return await HashAsync();
    }

    private async Task HydrateAgainAsync(IHotState hotState)
    {
        var head = await OpenHeadAsync();
        await Eventually.TrueAsync(async () =>
            await hotState.HydrateAsync(AuctionId, await hotState.ReadHeadAsync(AuctionId, None), head, [], None));
    }

    /// <summary>As DecidingQueue does: an auction that is missing is hydrated, a few times at most.</summary>
    private async Task AcceptsABidAsync(IHotState hotState)
    {
        DecidedBatch? decided = null;
        for (var misses = 0; decided is null; misses++)
        {
            Assert.True(misses < 4);
            var bid = Proxy($"eve-{Guid.NewGuid()}", 500_00, limited: true);
            decided = await hotState.DecideAsync(AuctionId, [bid], None);
            if (decided is null) await HydrateAgainAsync(hotState);
        }

        var answer = Assert.Single(decided.Bids);
        if (!answer.Accepted)
        {
            await HydrateAgainAsync(hotState); // a state that the rules refuse is a conflict in the ledger
            return;
        }

        Assert.Contains(answer, await hotState.ReadPendingAsync(AuctionId, None));
        Assert.Contains(AuctionId, await hotState.ReadPendingIndexAsync(None));
    }
}

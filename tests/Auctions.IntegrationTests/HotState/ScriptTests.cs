using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>How the scripts get onto a server, and which keys they use there.</summary>
public sealed class ScriptTests(RedisServer server) : HotStateTest(server)
{
    [Fact]
    public async Task A_server_that_lost_the_scripts_gets_them_again()
    {
        await HydrateAsync();
        await DecideAsync(Proxy("ann", 50_00));
        await Redis.ExecuteAsync("SCRIPT", "FLUSH");
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("bob", 60_00))).Outcome);

        var texts = await TextsSentAsync();
        Assert.Equal(BidOutcome.Leading, (await DecideAsync(Proxy("cid", 70_00))).Outcome);
        Assert.Equal(texts, await TextsSentAsync());
    }

    /// <summary>
    /// A Redis Cluster must know all keys of a script in advance. So this user may access only the declared keys.
    /// </summary>
    [Fact]
    public async Task Every_script_uses_only_its_declared_keys()
    {
        var (ann, bob) = (Proxy("ann", 50_00, limited: true), Proxy("bob", 1));
        RedisKey[] keys =
        [
            Keys.Auction, Keys.Pending, Keys.PendingIndex, .. Keys.Answers, Keys.Velocity("ann"), Keys.Velocity("bob"),
        ];
        var user = $"only-{AuctionId}";
        await Redis.ExecuteAsync(
            "ACL", ["SETUSER", user, "on", ">secret", "+@all", "resetkeys", .. keys.Select(k => $"~{k}")]);

        await using var connection = await RedisConnection.ConnectAsync(
            $"{Server.PatientConfiguration},user={user},password=secret");
        var hotState = HotStateOn(connection);
        await UseEveryScriptAsync(hotState, ann, bob);
        var cid = Proxy("cid", 50_00, limited: true);
        await Assert.ThrowsAsync<HotStateUnavailableException>(() => hotState.DecideAsync(AuctionId, [cid], None));
    }

    [Fact]
    public async Task Every_script_runs_on_a_cluster()
    {
        var cluster = new RedisServer { MoreArguments = ["--cluster-enabled", "yes"] };
        await cluster.InitializeAsync();
        try
        {
            await TakeEverySlotAsync(cluster);
            await using var connection = await RedisConnection.ConnectAsync(cluster.PatientConfiguration);
            await UseEveryScriptAsync(HotStateOn(connection), Proxy("ann", 50_00, limited: true), Proxy("bob", 1));
        }
        finally
        {
            await cluster.DisposeAsync();
        }
    }

    private static RedisHotState HotStateOn(IConnectionMultiplexer connection) =>
        new(connection, RedisServer.PatientOptions, NullLogger<RedisHotState>.Instance);

    private static async Task TakeEverySlotAsync(RedisServer cluster)
    {
        await using var connection = await RedisConnection.ConnectAsync(
            $"{cluster.PatientConfiguration},allowAdmin=true");
        var node = connection.GetServers()[0];
        await node.ExecuteAsync("CLUSTER", "ADDSLOTSRANGE", 0, 16383);
        await Eventually.TrueAsync(async () =>
            $"{await node.ExecuteAsync("CLUSTER", "INFO")}".Contains("cluster_state:ok", StringComparison.Ordinal));
    }

    private async Task UseEveryScriptAsync(RedisHotState hotState, UndecidedBid ann, UndecidedBid bob)
    {
        var head = await OpenHeadAsync();
        var answer = DecidedBid.Decide(AuctionId, head, Guid.NewGuid(), bob.Bid, 1);
        Assert.True(await hotState.HydrateAsync(AuctionId, null, head, [answer], None));
        var decided = (await hotState.DecideAsync(AuctionId, [ann, bob], None))!.Bids;
        Assert.Equal([BidOutcome.Leading, BidOutcome.Rejected], decided.Select(d => d.Outcome));
        Assert.Equal([decided[0]], await hotState.ReadPendingAsync(AuctionId, None));
        await hotState.RemovePendingAsync(AuctionId, [decided[0].Version], None);
        Assert.True(await hotState.SealAsync(AuctionId, None));
        Assert.False(await hotState.DropIfBehindAsync(AuctionId, 1, decided[0].Id, 0, None));
        Assert.True(await hotState.DropIfBehindAsync(AuctionId, 2, Guid.NewGuid(), 0, None));
    }

    private async Task<string> TextsSentAsync()
    {
        var stats = (await Connection.GetServers()[0].InfoAsync("commandstats")).SelectMany(g => g);
        return stats.Single(s => s.Key == "cmdstat_eval").Value.Split(',')[0];
    }
}

using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.UnitTests.HotState;

/// <summary>The shard of an auction, and the names of its keys.</summary>
public sealed class HotKeysTests
{
    /// <summary>The shard is part of what Redis holds: another function would lose sight of it.</summary>
    [Theory]
    [InlineData("00000000-0000-0000-0000-000000000000", 469)]
    [InlineData("00000000-0000-0000-0000-000000000001", 945)]
    [InlineData("019ac2f1-7d3e-7a51-9c52-3f9b6f1c2a77", 291)]
    [InlineData("ffffffff-ffff-ffff-ffff-ffffffffffff", 843)]
    public void The_shard_of_an_id_never_changes(string id, int shard) =>
        Assert.Equal(shard, HotKeys.ShardOf(Guid.Parse(id)));

    [Fact]
    public void Auctions_are_spread_over_all_shards()
    {
        var random = new Random(1);
        var bytes = new byte[16];
        var created = Enumerable.Range(0, 100_000).Select(i => Guid.CreateVersion7(
            DateTimeOffset.UnixEpoch.AddMilliseconds(i)));
        var counted = Enumerable.Range(0, 100_000).Select(i => new Guid(i, 0, 0, bytes.AsSpan(8).ToArray()));
        var drawn = Enumerable.Range(0, 100_000).Select(_ =>
        {
            random.NextBytes(bytes);
            return new Guid(bytes);
        });
        foreach (var ids in (IEnumerable<Guid>[])[created, counted, drawn])
        {
            var sizes = ids.CountBy(HotKeys.ShardOf).ToDictionary();
            Assert.Equal(HotKeys.Shards, sizes.Count);
            Assert.All(sizes, shard => Assert.InRange(shard.Key, 0, HotKeys.Shards - 1));
            Assert.InRange(sizes.Values.Max(), 98, 3 * 98);
        }
    }

    [Fact]
    public void All_keys_of_a_shard_have_its_tag_and_lead_back_to_the_auction()
    {
        for (var i = 0; i < 1_000; i++)
        {
            var id = Guid.NewGuid();
            var keys = new HotKeys(id);
            var tag = $"{{s{HotKeys.ShardOf(id):D4}}}";
            RedisKey[] all = [keys.Auction, keys.Pending, .. keys.Answers, keys.Velocity("an:n{x}")];
            Assert.All(all, key => Assert.StartsWith($"auction:{tag}:{id}", key.ToString(), StringComparison.Ordinal));
            Assert.Equal(id, HotKeys.AuctionOf(keys.Auction.ToString()));
            Assert.Equal(id, HotKeys.AuctionOfPending(keys.Pending.ToString()));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("auction")]
    [InlineData("auction:{s0000}:")]
    [InlineData("auction:{s0000}:019ac2f1-7d3e-7a51-9c52-3f9b6f1c2a77")] // another shard's
    [InlineData("auction:{019ac2f1-7d3e-7a51-9c52-3f9b6f1c2a77}")]
    [InlineData("auction:{s0000}:019ac2f1-7d3e-7a51-9c52-3f9b6f1c2a77:idem:0")]
    public void A_key_of_something_else_is_no_auction(string key)
    {
        Assert.Null(HotKeys.AuctionOf(key));
        Assert.Null(HotKeys.AuctionOfPending(key + ":pending"));
    }
}

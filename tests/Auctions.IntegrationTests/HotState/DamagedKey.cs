using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>Keys of an auction in every type that Redis has, as somebody might leave them by hand.</summary>
internal static class DamagedKey
{
    public static readonly string[] Names = ["auction", "pending", "index", "answers 0", "answers 1", "window"];

    public static readonly string[] Types = ["string", "list", "set", "zset", "hash", "stream"];

    /// <summary>Every key in every type; for some, that is the right type with content that is no use.</summary>
    public static TheoryData<string, string> Matrix
    {
        get
        {
            var matrix = new TheoryData<string, string>();
            foreach (var name in Names)
            {
                foreach (var type in Types) matrix.Add(name, type);
            }

            return matrix;
        }
    }

    public static RedisKey Of(Guid auctionId, string name, string bidder)
    {
        var keys = new HotKeys(auctionId);
        return name switch
        {
            "auction" => keys.Auction,
            "pending" => keys.Pending,
            "index" => keys.PendingIndex,
            "answers 0" => keys.Answers[0],
            "answers 1" => keys.Answers[1],
            _ => keys.Velocity(bidder),
        };
    }

    /// <summary>Replaces the key by one of this type, with nonsense in it.</summary>
    public static async Task WriteAsync(IDatabase redis, RedisKey key, string type)
    {
        await redis.KeyDeleteAsync(key);
        object[] command = type switch
        {
            "string" => ["SET", key, "by hand"],
            "list" => ["RPUSH", key, "by", "hand"],
            "set" => ["SADD", key, "by", "hand", $"{Guid.NewGuid()}"],
            "zset" => ["ZADD", key, "1", "by", "2", "hand"],
            "hash" => ["HSET", key, "1", "by", "by", "hand"],
            _ => ["XADD", key, "*", "by", "hand"],
        };
        await redis.ExecuteAsync((string)command[0], command[1..]);
    }

    /// <summary>Another auction in the same shard, which shares the index.</summary>
    public static Guid NeighbourOf(Guid auctionId)
    {
        while (true)
        {
            var id = Guid.NewGuid();
            if (HotKeys.ShardOf(id) == HotKeys.ShardOf(auctionId)) return id;
        }
    }
}

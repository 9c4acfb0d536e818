using System.Collections.Concurrent;
using Auctions.Core;
using BiddingService;
using StackExchange.Redis;

namespace Auctions.Peers.Designs;

/// <summary>
/// A lock in Redis around the transaction: SET NX PX with a token of its own, released by a script that compares it. The callers of
/// one process queue in the process, so that one of them at a time asks Redis and nobody polls while it does; another process's lock
/// is waited for with a short, growing pause. A lock in Redis may expire under its holder, so the transaction locks the row all the same:
/// uncontended that costs nothing.
/// </summary>
internal sealed class RedisLock(IDatabase redis, ForUpdate transaction, TimeProvider timeProvider) : IPeerDesign
{
    private const string Release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

    private static readonly TimeSpan HeldMax = TimeSpan.FromSeconds(10), PauseMin = TimeSpan.FromMilliseconds(1), PauseMax = TimeSpan.FromMilliseconds(20);
    private readonly ConcurrentDictionary<Guid, SemaphoreSlim> _queues = new();

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        var queue = _queues.GetOrAdd(auctionId, _ => new SemaphoreSlim(1));
        await queue.WaitAsync(cancellationToken);
        try
        {
            RedisKey key = $"lock:{auctionId}";
            RedisValue token = Guid.CreateVersion7(timeProvider.GetUtcNow()).ToByteArray();
            for (var pause = PauseMin; !await redis.StringSetAsync(key, token, HeldMax, When.NotExists); pause = Longer(pause))
                await Task.Delay(pause, timeProvider, cancellationToken);
            try
            {
                return await transaction.PlaceAsync(auctionId, bid, cancellationToken);
            }
            finally
            {
                await redis.ScriptEvaluateAsync(Release, [key], [token]);
            }
        }
        finally
        {
            queue.Release();
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < PauseMax ? pause * 2 : PauseMax;
}

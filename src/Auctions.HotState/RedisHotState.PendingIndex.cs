using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>How the auctions with pending entries are found.</summary>
public sealed partial class RedisHotState
{
    /// <summary>Indexes that are read at once: enough for few round trips, few enough to delay no bid.</summary>
    private const int IndexesPerRound = 128;

    private const int ScanPageSize = 1_000;
    private const int EntriesPerTakeoverMax = 500;

    private readonly Script _checkIndex = Script.Load("check_index"), _carryOver = Script.Load("carry_over");

    public async Task<IReadOnlyList<Guid>> ReadPendingIndexAsync(CancellationToken cancellationToken)
    {
        var auctions = new List<Guid>();
        foreach (var shards in Enumerable.Range(0, HotKeys.Shards).Chunk(IndexesPerRound))
        {
            var reads = shards.Select(shard => ReadIndexAsync(shard, cancellationToken)).ToList();
            foreach (var members in await Task.WhenAll(reads)) auctions.AddRange(members);
        }

        return auctions;
    }

    public async Task<int> RepairPendingIndexAsync(CancellationToken cancellationToken)
    {
        var count = 0;
        foreach (var server in _redis.Multiplexer.GetServers().Where(s => s is { IsConnected: true, IsReplica: false }))
        {
            await using var keys = server.KeysAsync(_redis.Database, HotKeys.AnyPending, ScanPageSize)
                .GetAsyncEnumerator(cancellationToken);
            while (await CallAsync(() => keys.MoveNextAsync().AsTask(), cancellationToken))
            {
                var key = (string)keys.Current!;
                if (HotKeys.AuctionOfEarlierPending(key) is { } earlier)
                    await TakeOverAsync(earlier, key, cancellationToken);
                else if (HotKeys.AuctionOfPending(key) is { } auctionId)
                    await RemovePendingAsync(auctionId, [], cancellationToken);
                else
                    continue;
                count++;
            }
        }

        return count;
    }

    private async Task<List<Guid>> ReadIndexAsync(int shard, CancellationToken cancellationToken)
    {
        var index = HotKeys.PendingIndexOf(shard);
        try
        {
            var members = await CallAsync(
                () => _redis.SetMembersAsync(index, CommandFlags.DemandMaster), cancellationToken);
            var auctions = new List<Guid>(members.Length);
            var strangers = new List<RedisValue>();
            foreach (var member in members)
            {
                if (Guid.TryParseExact(member, "D", out var id) && Text(id) == member && HotKeys.ShardOf(id) == shard)
                    auctions.Add(id);
                else
                    strangers.Add(member);
            }

            if (strangers.Count == 0) return auctions;
            _logger.PendingIndexDamaged(shard, $"{strangers.Count} members are not ids of this shard");
            await CallAsync(
                () => _redis.SetRemoveAsync(index, [.. strangers], CommandFlags.DemandMaster), cancellationToken);
            return auctions;
        }
        catch (HotStateUnavailableException e) when (e.InnerException is AuctionDamagedException damage)
        {
            _logger.PendingIndexDamaged(shard, damage.InnerException!.Message);
            await CallAsync(() => _checkIndex.RunAsync(_redis, [index], []), cancellationToken);
            return [];
        }
    }

    /// <summary>
    /// Moves pending entries to the auction's key of today. The entries under the earlier key are removed afterwards,
    /// so that none is lost if this process dies in between.
    /// </summary>
    private async Task TakeOverAsync(Guid auctionId, RedisKey earlier, CancellationToken cancellationToken)
    {
        var keys = new HotKeys(auctionId);
        var entries = await CallAsync(
            auctionId, () => _redis.HashGetAllAsync(earlier, CommandFlags.DemandMaster), ifDamaged: [],
            cancellationToken);
        foreach (var chunk in entries.Chunk(EntriesPerTakeoverMax))
        {
            RedisValue[] arguments = [_idleTtlS, .. chunk.SelectMany(e => (RedisValue[])[e.Name, e.Value])];
            await CallAsync(
                () => _carryOver.RunAsync(_redis, [keys.Auction, keys.Pending, keys.PendingIndex], arguments),
                cancellationToken);
            await CallAsync(
                () => _redis.HashDeleteAsync(earlier, [.. chunk.Select(e => e.Name)], CommandFlags.DemandMaster),
                cancellationToken);
        }

        if (entries.Length > 0) _logger.PendingTakenOver(auctionId, entries.Length);
    }
}

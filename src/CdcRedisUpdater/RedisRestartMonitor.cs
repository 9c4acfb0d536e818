using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using StackExchange.Redis;

namespace CdcRedisUpdater;

/// <summary>
/// Notices that Redis has restarted or is another server than before, and compares all of its auctions with the ledger.
/// After a kill, Redis may lack its last second; after a failover, what the replica had not received; after a restore,
/// a week. The events of those changes were read before and do not come again, so without this, an auction that gets no
/// further bid would stay wrong.
/// <para>Concurrency: one check at a time, beside <see cref="EventsToRedis"/>. Both use the same connections to Redis.
/// If an event was processed before a failover, on the old server, this reads its entry from the ledger; if it is
/// processed later, the repair goes to the new server.</para>
/// <para>Lifecycle: runs while the service runs. A check that fails, for whatever reason, is logged and begins again
/// with the next tick.</para>
/// <para>Invariants: the run ids count as known only after every auction was compared.</para>
/// <para>Bounds: one check a second; at most <see cref="PageSize"/> auctions and one page of keys in memory.</para>
/// </summary>
internal sealed class RedisRestartMonitor(
    IConnectionMultiplexer redis, LedgerHistory history, RepairRedis repair, TimeProvider timeProvider,
    ILogger<RedisRestartMonitor> logger) : BackgroundLoop(timeProvider, logger)
{
    private const int PageSize = 500;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private string _knownRunIds = "";

    protected override async Task LoopAsync(CancellationToken stoppingToken)
    {
        var isFailing = false;
        using var timer = new PeriodicTimer(Interval, TimeProvider);
        do
        {
            try
            {
                await CheckAsync(stoppingToken);
                isFailing = false;
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                if (!isFailing) Logger.RestartCheckFailed(e);
                isFailing = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        var servers = redis.GetServers().Where(s => s is { IsConnected: true, IsReplica: false }).ToList();
        var found = await Task.WhenAll(servers.Select(ReadRunIdAsync));
        var runIds = string.Join(' ', found.Order(StringComparer.Ordinal));
        if (runIds == _knownRunIds || servers.Count == 0) return;

        var auctions = 0;
        foreach (var server in servers) auctions += await CompareAsync(server, cancellationToken);
        _knownRunIds = runIds;
        Logger.RedisCompared(auctions);
    }

    /// <summary>Redis makes up a new run id at each start.</summary>
    private static async Task<string> ReadRunIdAsync(IServer server)
    {
        const string field = "run_id:";
        var info = (string?)await server.ExecuteAsync("INFO", "server") ?? "";
        var line = info.Split("\r\n").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal));
        return line?[field.Length..] ?? "";
    }

    /// <returns>How many auctions of this server the ledger has.</returns>
    private async Task<int> CompareAsync(IServer server, CancellationToken cancellationToken)
    {
        var (count, page) = (0, new List<Guid>(PageSize));
        var keys = server.KeysAsync(pattern: HotKeys.AnyAuction, pageSize: PageSize);
        await foreach (var key in keys.WithCancellation(cancellationToken))
        {
            if (HotKeys.AuctionOf((string)key!) is not { } auctionId) continue;
            page.Add(auctionId);
            if (page.Count < PageSize) continue;
            count += await CompareAsync(page, cancellationToken);
            page.Clear();
        }

        return count + await CompareAsync(page, cancellationToken);
    }

    private async Task<int> CompareAsync(List<Guid> auctions, CancellationToken cancellationToken)
    {
        if (auctions.Count == 0) return 0;
        var heads = await history.ReadHeadsAsync(auctions, cancellationToken);
        await repair.RepairAsync(
            [.. heads.Select(h => new ChangedHead(h.Head.AuctionId, h.Head.Version, h.Head.EntryId, h.OutsideVersion))],
            cancellationToken);
        return heads.Count;
    }
}

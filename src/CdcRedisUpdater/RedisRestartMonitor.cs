using Auctions.HotState;
using Auctions.Ledger;
using StackExchange.Redis;

namespace CdcRedisUpdater;

/// <summary>
/// Notices that Redis is another server than before, or has started anew: after a kill it may lack its last second, after a failover what the
/// replica had missed, after a restore a week. The events of what it has lost came and went, and nobody may bid on those auctions again:
/// so all that it holds is looked at, each auction as if its last event had just come.
/// </summary>
/// <remarks>
/// It belongs beside the feed: both speak to Redis by the same connections, so that what the feed did before a failover was done to the old server
/// and is in the ledger when this reads it, and what it does later is done to the new one.
/// </remarks>
internal sealed partial class RedisRestartMonitor(
    IConnectionMultiplexer redis, LedgerHistory history, RepairRedis repair, TimeProvider timeProvider, ILogger<RedisRestartMonitor> logger) : BackgroundService
{
    private const int PageSize = 500;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private string _known = "";
    private bool _putOff;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, timeProvider);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
                _putOff = false;
            }
            catch (Exception e) when (e is RedisException or TimeoutException or IOException or ObjectDisposedException or LedgerUnavailableException)
            {
                if (!_putOff) PutOff(e.Message);
                _putOff = true;
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var servers = redis.GetServers().Where(s => s is { IsConnected: true, IsReplica: false }).ToList();
        var runs = await Task.WhenAll(servers.Select(RunAsync));
        var now = string.Join(' ', runs.Order(StringComparer.Ordinal));
        if (now == _known || runs.Length == 0) return;

        var auctions = 0;
        foreach (var server in servers) auctions += await CompareAsync(server, cancellationToken);
        _known = now; // not earlier: what could not be finished is begun again
        Compared(auctions);
    }

    /// <summary>Redis makes up another one each time when it starts.</summary>
    private static async Task<string> RunAsync(IServer server)
    {
        const string field = "run_id:";
        var info = (string?)await server.ExecuteAsync("INFO", "server") ?? "";
        return info.Split("\r\n").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal))?[field.Length..] ?? "";
    }

    private async Task<int> CompareAsync(IServer server, CancellationToken cancellationToken)
    {
        var (count, page) = (0, new List<Guid>(PageSize));
        await foreach (var key in server.KeysAsync(pattern: HotKeys.AnyAuction, pageSize: PageSize).WithCancellation(cancellationToken))
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
        await repair.DoAsync(
            [.. heads.Select(h => new ChangedHead(h.Head.AuctionId, h.Head.Version, h.Head.EntryId, h.OutsideVersion))],
            cancellationToken);
        return heads.Count;
    }

    [LoggerMessage(LogLevel.Information, "Redis is another than before, or has started anew: its {Auctions} auctions were held against the ledger.")]
    private partial void Compared(int auctions);

    [LoggerMessage(LogLevel.Warning, "Whether Redis is another than before cannot be seen, or not be acted upon; tried again every second: {Reason}")]
    private partial void PutOff(string reason);
}

using System.Globalization;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Machine;

/// <summary>Redis rewrites its AOF when it has grown: for what earlier cases wrote that is done before the next one, not in the middle of it.</summary>
internal sealed class RedisAof(IConnectionMultiplexer redis, TimeProvider time)
{
    /// <summary>What may be left: Redis begins by itself at 512 MB, and a case writes some 400 MB at most.</summary>
    private const long GrownBytesMax = 100_000_000;

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    public async Task TidyAsync(CancellationToken cancellation)
    {
        await RewrittenAsync(cancellation);
        if (await ReadAsync("aof_current_size") - await ReadAsync("aof_base_size") <= GrownBytesMax) return;
        await redis.GetDatabase().ExecuteAsync("BGREWRITEAOF");
        await RewrittenAsync(cancellation);
    }

    private async Task RewrittenAsync(CancellationToken cancellation)
    {
        while (await ReadAsync("aof_rewrite_in_progress") + await ReadAsync("aof_rewrite_scheduled") > 0) await Task.Delay(Glance, time, cancellation);
    }

    private async Task<long> ReadAsync(string name)
    {
        var info = (await redis.GetServers()[0].InfoAsync("persistence")).SelectMany(group => group);
        return long.Parse(info.Single(field => field.Key == name).Value, CultureInfo.InvariantCulture);
    }
}

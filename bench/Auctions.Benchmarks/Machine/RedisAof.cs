using System.Globalization;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Machine;

/// <summary>Redis rewrites its AOF when it has grown: for what earlier cases wrote that is done before the next one, not in the middle of it.</summary>
internal sealed class RedisAof(IConnectionMultiplexer redis, TimeProvider timeProvider)
{
    /// <summary>Redis begins by itself at twice the size after the last rewrite, and at 512 MB at least.</summary>
    private const long RewrittenBytesMin = 512L << 20;

    /// <summary>More than a case writes.</summary>
    private const long CaseBytesMax = 400L << 20;

    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    /// <summary>In which the disk comes to rest: the old file goes.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(8);

    public async Task TidyAsync(CancellationToken cancellationToken)
    {
        var info = await RewrittenAsync(cancellationToken);
        if (Number(info, "aof_current_size") + CaseBytesMax < Math.Max(RewrittenBytesMin, 2 * Number(info, "aof_base_size"))) return;
        await BeginAsync();
        await RewrittenAsync(cancellationToken);
        await Task.Delay(Rest, timeProvider, cancellationToken);
    }

    /// <summary>A rewrite, as Redis begins it by itself at some time.</summary>
    public Task BeginAsync() => redis.GetDatabase().ExecuteAsync("BGREWRITEAOF");

    /// <returns>What Redis says of its persistence once nothing is being rewritten.</returns>
    private async Task<Dictionary<string, string>> RewrittenAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var info = (await redis.GetServers()[0].InfoAsync("persistence")).SelectMany(group => group).ToDictionary();
            if (Number(info, "aof_rewrite_in_progress") + Number(info, "aof_rewrite_scheduled") == 0) return info;
            await Task.Delay(Glance, timeProvider, cancellationToken);
        }
    }

    private static long Number(Dictionary<string, string> info, string name) => long.Parse(info[name], CultureInfo.InvariantCulture);
}

using System.Globalization;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Machine;

/// <summary>What the servers themselves have counted, read from outside.</summary>
/// <param name="Decisions">
/// Calls of place_bids. Redis counts them as calls of TIME: no other script of the bid path calls it.
/// </param>
/// <param name="Commits">Transactions that wrote, by Postgres' transaction ids.</param>
internal readonly record struct ServerCounts(long Decisions, long Commits);

internal sealed class ServerCounters(NpgsqlDataSource postgres, IConnectionMultiplexer redis)
{
    public async Task<ServerCounts> ReadAsync()
    {
        await using var command = postgres.CreateCommand(
            "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
        var commits = (long)(await command.ExecuteScalarAsync())!;
        var stats = await redis.GetServers()[0].InfoRawAsync("commandstats");
        return new ServerCounts(Calls(stats ?? "", "time"), commits);
    }

    /// <summary><c>cmdstat_time:calls=12,usec=...</c></summary>
    private static long Calls(string stats, string command)
    {
        var prefix = $"cmdstat_{command}:calls=";
        var line = stats.Split('\n').FirstOrDefault(l => l.StartsWith(prefix, StringComparison.Ordinal));
        if (line is null) return 0;
        return long.Parse(line[prefix.Length..line.IndexOf(',')], CultureInfo.InvariantCulture);
    }
}

/// <summary>CPU time from /proc, user and system, in seconds. The kernel counts in hundredths of a second.</summary>
internal static class ProcessCpu
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that .NET supports
    private const string CompilerThread = "(.NET Tiered Com)"; // ".NET Tiered Compilation", cut off by the kernel

    /// <summary>
    /// The time of each process and its children, ended ones included: Postgres has a child for each connection.
    /// </summary>
    /// <remarks>
    /// One pass serves all processes: reading hundreds of files one after another would stall the start of the measured
    /// part.
    /// </remarks>
    public static double[] OfTrees(int[] pids)
    {
        while (true)
        {
            var ended = Array.ConvertAll(pids, OfEndedChildren);
            var ticks = (double[])ended.Clone();
            foreach (var directory in Directory.EnumerateDirectories("/proc"))
            {
                if (!int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var other)) continue;
                if (Read($"{other}") is not { } stat) continue;
                var tree = Array.FindIndex(pids, pid => other == pid || Number(stat, 1) == pid);
                if (tree >= 0) ticks[tree] += Number(stat, 11) + Number(stat, 12);
            }

            // If a child ended meanwhile, its time was counted twice or not at all.
            if (Array.ConvertAll(pids, OfEndedChildren).SequenceEqual(ended))
                return Array.ConvertAll(ticks, t => t / TicksPerSecond);
        }

        static double OfEndedChildren(int pid) => Read($"{pid}") is { } stat ? Number(stat, 13) + Number(stat, 14) : 0;
    }

    /// <summary>
    /// The time that a .NET process has spent on compiling hot methods again. The thread ends after it has been idle
    /// for a while.
    /// </summary>
    public static double OfCompiler(int pid)
    {
        var ticks = 0.0;
        foreach (var directory in Directory.EnumerateDirectories($"/proc/{pid}/task"))
        {
            if (Read($"{pid}/task/{Path.GetFileName(directory)}", CompilerThread) is { } stat)
                ticks += Number(stat, 11) + Number(stat, 12);
        }

        return ticks / TicksPerSecond;
    }

    /// <summary>The time of this process: the load.</summary>
    public static double OfSelf()
    {
        var stat = Read("self")!;
        return (Number(stat, 11) + Number(stat, 12)) / TicksPerSecond;
    }

    /// <summary>The time of everything on this machine.</summary>
    public static double OfMachine()
    {
        // cpu user nice system idle iowait irq softirq steal
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int[] busy = [1, 2, 3, 6, 7];
        return busy.Sum(field => Number(fields, field)) / TicksPerSecond;
    }

    private static double Number(string[] stat, int field) => double.Parse(stat[field], CultureInfo.InvariantCulture);

    /// <summary>
    /// The fields after the name, state first; null if the process or thread has ended, or has another name. The name
    /// may contain blanks.
    /// </summary>
    private static string[]? Read(string of, string name = "")
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{of}/stat");
            if (!stat.Contains(name, StringComparison.Ordinal)) return null;
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}

/// <summary>
/// Redis rewrites its AOF when it has grown. This rewrites what earlier cases wrote before the next case starts, so
/// that it does not happen in the middle of that case.
/// </summary>
internal sealed class RedisAof(IConnectionMultiplexer redis, TimeProvider timeProvider)
{
    /// <summary>
    /// Redis starts a rewrite at twice the size after the last rewrite, but not below this size (the stack's setting).
    /// </summary>
    private const long RewriteBytesMin = 512L << 20;

    /// <summary>More than one case writes.</summary>
    private const long CaseBytesMax = 400L << 20;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long the disk needs to settle after a rewrite: the old file is deleted.</summary>
    private static readonly TimeSpan DiskSettles = TimeSpan.FromSeconds(8);

    /// <summary>Rewrites the AOF if the next case could reach the size at which Redis starts a rewrite.</summary>
    public async Task RewriteIfDueAsync(CancellationToken cancellationToken)
    {
        var info = await WaitForRewriteAsync(cancellationToken);
        var threshold = Math.Max(RewriteBytesMin, 2 * Number(info, "aof_base_size"));
        if (Number(info, "aof_current_size") + CaseBytesMax < threshold) return;
        await BeginRewriteAsync();
        await WaitForRewriteAsync(cancellationToken);
        await Task.Delay(DiskSettles, timeProvider, cancellationToken);
    }

    /// <summary>Starts a rewrite like the one that Redis starts itself.</summary>
    public Task BeginRewriteAsync() => redis.GetDatabase().ExecuteAsync("BGREWRITEAOF");

    /// <returns>Redis' INFO about persistence once no rewrite is running.</returns>
    private async Task<Dictionary<string, string>> WaitForRewriteAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var info = (await redis.GetServers()[0].InfoAsync("persistence")).SelectMany(group => group).ToDictionary();
            if (Number(info, "aof_rewrite_in_progress") + Number(info, "aof_rewrite_scheduled") == 0) return info;
            await Task.Delay(PollInterval, timeProvider, cancellationToken);
        }
    }

    private static long Number(Dictionary<string, string> info, string name) =>
        long.Parse(info[name], CultureInfo.InvariantCulture);
}

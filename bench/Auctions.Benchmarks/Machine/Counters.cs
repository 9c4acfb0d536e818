using System.Globalization;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Machine;

/// <summary>What the servers themselves count, seen from outside.</summary>
/// <param name="Decisions">Calls of place_bids, by its TIME: no other script of the bid path asks for the time.</param>
/// <param name="Commits">Transactions that wrote, by Postgres' transaction ids.</param>
internal readonly record struct Counted(long Decisions, long Commits);

internal sealed class Counters(NpgsqlDataSource postgres, IConnectionMultiplexer redis)
{
    public async Task<Counted> ReadAsync()
    {
        await using var command = postgres.CreateCommand("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint");
        var commits = (long)(await command.ExecuteScalarAsync())!;
        var stats = await redis.GetServers()[0].InfoRawAsync("commandstats");
        return new Counted(Calls(stats ?? "", "time"), commits);
    }

    /// <summary><c>cmdstat_time:calls=12,usec=...</c></summary>
    private static long Calls(string stats, string command)
    {
        var prefix = $"cmdstat_{command}:calls=";
        var line = stats.Split('\n').FirstOrDefault(l => l.StartsWith(prefix, StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line[prefix.Length..line.IndexOf(',')], CultureInfo.InvariantCulture);
    }
}

using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;

namespace Auctions.Faults.Injection;

/// <summary>Faults of Redis. They are about whichever server is the primary at the time, and come one after another.</summary>
/// <remarks>Of two tokens the first says that a fault may no longer begin, the second that it must end at once.</remarks>
internal sealed class RedisFaults(PartFaults parts, FaultStack stack, FaultLog log, RunClock clock)
{
    private const string Turn = "redis' faults"; // the roles of both servers stay as they are while one lasts
    private static readonly TimeSpan SyncWithin = TimeSpan.FromSeconds(5), Glance = TimeSpan.FromMilliseconds(50);

    public async Task KillAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var turn = await stack.OwnAsync(Turn, late);
        await parts.KillAsync(stack.Redis.Primary, fault, late, cancellationToken);
    }

    public async Task StopAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var turn = await stack.OwnAsync(Turn, late);
        var primary = stack.Redis.Primary;
        if (stack.Process(primary) is not { } process) return;
        using var lasting = log.Begin(fault.Kind, primary);
        Signals.Send(process.Pid, Signals.Stop);
        try
        {
            await clock.DelayAsync(TimeSpan.FromSeconds(1 + 3 * fault.Variant), cancellationToken);
        }
        finally
        {
            Signals.Send(process.Pid, Signals.Continue);
        }
    }

    public async Task FlushAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var turn = await stack.OwnAsync(Turn, late);
        using var lasting = log.Begin(fault.Kind, stack.Redis.Primary);
        await RedisAdmin.SendAsync(stack.Redis.PrimaryAddress, "FLUSHALL", cancellationToken);
    }

    /// <summary>It comes back with an AOF that ends where it ended a second or two before the kill, less a few bytes: within a command.</summary>
    public async Task TruncateAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var turn = await stack.OwnAsync(Turn, late);
        var primary = stack.Redis.Primary;
        using var owned = await stack.OwnAsync(primary, late);
        var file = Aof(primary);
        var length = file?.Length ?? 0;
        await clock.DelayAsync(TimeSpan.FromSeconds(2 * fault.Variant), cancellationToken);
        using var lasting = log.Begin(fault.Kind, primary);
        await stack.KillAsync(primary, cancellationToken);
        // A rewrite may have begun another file meanwhile: then that one loses all of it.
        if (Aof(primary) is { } last)
        {
            using var aof = last.Open(FileMode.Open, FileAccess.Write);
            aof.SetLength(last.FullName == file?.FullName ? Math.Max(0, Math.Min(length, aof.Length) - (int)(60 * fault.Variant)) : 0);
        }

        await clock.DelayAsync(fault.Lasts / 4, cancellationToken);
        await stack.StartAsync(primary, cancellationToken);
    }

    /// <summary>
    /// The replica misses what its link swallows for a moment, is promoted, and the primary is killed; it comes back as the replica. In a split
    /// one instance of BiddingService stays with the old primary for a while, and both decide.
    /// </summary>
    public async Task FailOverAsync(PlannedFault fault, bool split, CancellationToken late, CancellationToken cancellationToken)
    {
        using var turn = await stack.OwnAsync(Turn, late);
        var old = stack.Redis.Primary;
        using var one = await stack.OwnAsync(RedisPair.Names[0], late);
        using var other = await stack.OwnAsync(RedisPair.Names[1], late);
        if (!await SyncedAsync(late)) throw new IOException("the replica is not in sync with the primary");

        using var lasting = log.Begin(fault.Kind, old);
        stack.Redis.Replication.Hold();
        await clock.DelayAsync(TimeSpan.FromSeconds(0.3 + 1.7 * fault.Variant), cancellationToken);
        await stack.Redis.PromoteAsync(cancellationToken);
        if (split)
        {
            stack.Redis.Redirect(except: fault.Instance);
            await clock.DelayAsync(fault.Lasts, cancellationToken);
        }

        await stack.KillAsync(old, cancellationToken);
        if (split) stack.Redis.RedirectLast(fault.Instance);
        else stack.Redis.Redirect();
        await stack.StartAsync(old, cancellationToken);
    }

    private async Task<bool> SyncedAsync(CancellationToken late)
    {
        var until = clock.NowUs + (long)SyncWithin.TotalMicroseconds;
        while (!await stack.Redis.IsInSyncAsync(late))
        {
            if (clock.NowUs > until) return false;
            await clock.DelayAsync(Glance, late);
        }

        return true;
    }

    /// <summary>What was appended last: Redis 7 keeps a base and increments in a directory.</summary>
    private FileInfo? Aof(string server) =>
        new DirectoryInfo(Path.Combine(stack.Run.DataDirectory(server), "appendonlydir")) is { Exists: true } directory
            ? directory.EnumerateFiles("*.incr.aof").MaxBy(f => int.Parse(f.Name.Split('.')[^3]))
            : null;
}

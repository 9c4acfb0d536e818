using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;

namespace Auctions.Faults.Injection;

/// <summary>
/// Faults of Redis. They hit the server that is the primary at the time, and come one after another: the roles of the
/// two servers must not change while a fault lasts.
/// </summary>
/// <remarks>
/// Once <c>stopInjecting</c> is cancelled, no fault may begin. Once <c>cancellationToken</c> is cancelled, a lasting
/// fault must end at once.
/// </remarks>
internal sealed class RedisFaults(PartFaults parts, FaultStack stack, FaultLog log, RunClock clock)
{
    /// <summary>What every fault of Redis owns while it lasts.</summary>
    private const string Roles = "the roles of the Redis servers";

    private static readonly TimeSpan SyncTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    public async Task KillAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        await parts.KillAsync(stack.Redis.Primary, fault, stopInjecting, cancellationToken);
    }

    public async Task StopAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
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

    public async Task FlushAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        using var lasting = log.Begin(fault.Kind, stack.Redis.Primary);
        await RedisAdmin.SendAsync(stack.Redis.PrimaryAddress, "FLUSHALL", cancellationToken);
    }

    /// <summary>
    /// The primary restarts with an AOF that ends where it ended a second or two before the kill, less a few bytes: in
    /// the middle of a command.
    /// </summary>
    public async Task TruncateAofAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        var primary = stack.Redis.Primary;
        using var owned = await stack.OwnAsync(primary, stopInjecting);
        var file = LastAofFile(primary);
        var length = file?.Length ?? 0;
        await clock.DelayAsync(TimeSpan.FromSeconds(2 * fault.Variant), cancellationToken);
        using var lasting = log.Begin(fault.Kind, primary);
        await stack.KillAsync(primary, cancellationToken);
        if (LastAofFile(primary) is { } last)
        {
            using var aof = last.Open(FileMode.Open, FileAccess.Write);
            // A rewrite may have started another file meanwhile: that file loses everything.
            var isSameFile = last.FullName == file?.FullName;
            var kept = Math.Min(length, aof.Length) - (int)(60 * fault.Variant);
            aof.SetLength(isSameFile ? Math.Max(0, kept) : 0);
        }

        await clock.DelayAsync(fault.Lasts / 4, cancellationToken);
        await stack.StartAsync(primary, cancellationToken);
    }

    /// <summary>
    /// Replication stops for a moment, the replica is promoted without what it missed, and the primary is killed. It
    /// restarts as the replica. In a split one instance of BiddingService stays with the old primary for a while, and
    /// both servers decide.
    /// </summary>
    /// <exception cref="IOException">The replica is not in sync.</exception>
    public async Task FailOverAsync(
        PlannedFault fault, bool split, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        var old = stack.Redis.Primary;
        using var one = await stack.OwnAsync(RedisPair.Names[0], stopInjecting);
        using var other = await stack.OwnAsync(RedisPair.Names[1], stopInjecting);
        if (!await WaitForSyncAsync(stopInjecting))
            throw new IOException("the replica is not in sync with the primary");

        using var lasting = log.Begin(fault.Kind, old);
        stack.Redis.ReplicationProxy.Hold();
        await clock.DelayAsync(TimeSpan.FromSeconds(0.3 + 1.7 * fault.Variant), cancellationToken);
        await stack.Redis.PromoteAsync(cancellationToken);
        if (split)
        {
            stack.Redis.RedirectAllBut(fault.Instance);
            await clock.DelayAsync(fault.Lasts, cancellationToken);
        }

        await stack.KillAsync(old, cancellationToken);
        if (split) stack.Redis.Redirect(fault.Instance);
        else stack.Redis.RedirectAll();
        await stack.StartAsync(old, cancellationToken);
    }

    private async Task<bool> WaitForSyncAsync(CancellationToken stopInjecting)
    {
        var until = clock.NowUs + (long)SyncTimeout.TotalMicroseconds;
        while (!await stack.Redis.IsInSyncAsync(stopInjecting))
        {
            if (clock.NowUs > until) return false;
            await clock.DelayAsync(PollInterval, stopInjecting);
        }

        return true;
    }

    /// <summary>The file with the last appended commands: Redis 7 has a directory with a base and increments.</summary>
    private FileInfo? LastAofFile(string server)
    {
        var directory = new DirectoryInfo(Path.Combine(stack.Run.DataDirectory(server), "appendonlydir"));
        if (!directory.Exists) return null;
        return directory.EnumerateFiles("*.incr.aof").MaxBy(f => int.Parse(f.Name.Split('.')[^3]));
    }
}

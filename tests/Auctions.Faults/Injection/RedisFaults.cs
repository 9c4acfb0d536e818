using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;

namespace Auctions.Faults.Injection;

/// <summary>The faults of a setup of Redis.</summary>
/// <remarks>
/// Once <c>stopInjecting</c> is cancelled, no fault may begin. Once <c>cancellationToken</c> is cancelled, a lasting
/// fault must end at once.
/// </remarks>
internal interface IRedisFaults
{
    /// <exception cref="IOException">The fault could not be carried out, and the server is as it was.</exception>
    Task CarryOutAsync(PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken);
}

/// <summary>
/// Faults of <see cref="RedisPair"/>. They hit the server that is the primary at the time, and come one after another:
/// the roles of the two servers must not change while a fault lasts.
/// </summary>
internal sealed class RedisFaults(RedisPair redis, PartFaults parts, FaultStack stack, FaultLog log, RunClock clock)
    : IRedisFaults
{
    /// <summary>What every fault of Redis owns while it lasts.</summary>
    private const string Roles = "the roles of the Redis servers";

    private static readonly TimeSpan SyncTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    public Task CarryOutAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken) => fault.Kind switch
        {
            FaultKind.RedisKill => KillAsync(fault, stopInjecting, cancellationToken),
            FaultKind.RedisStop => StopAsync(fault, stopInjecting, cancellationToken),
            FaultKind.RedisFlush => FlushAsync(fault, stopInjecting, cancellationToken),
            FaultKind.RedisAofTruncated => TruncateAofAsync(fault, stopInjecting, cancellationToken),
            FaultKind.RedisStaleReplica => FailOverAsync(fault, split: false, stopInjecting, cancellationToken),
            FaultKind.RedisSplit => FailOverAsync(fault, split: true, stopInjecting, cancellationToken),
            FaultKind.RedisClock => ShiftClockAsync(fault, stopInjecting, cancellationToken),
            FaultKind.CutBiddingRedis =>
                parts.CutAsync(redis.BiddingProxies[fault.Instance], fault, stopInjecting, cancellationToken),
            FaultKind.HoldBiddingRedis =>
                parts.HoldAsync(redis.BiddingProxies[fault.Instance], fault, stopInjecting, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(fault), fault.Kind, null),
        };

    private async Task KillAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        await parts.KillAsync(redis.Primary, fault, stopInjecting, cancellationToken);
    }

    private async Task ShiftClockAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        await parts.ShiftClockAsync(redis.Primary, fault, stopInjecting, cancellationToken);
    }

    private async Task StopAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        var primary = redis.Primary;
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

    private async Task FlushAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        using var lasting = log.Begin(fault.Kind, redis.Primary);
        await RedisAdmin.SendAsync(stack.Run, redis.PrimaryAddress, "FLUSHALL", cancellationToken);
    }

    /// <summary>
    /// The primary restarts with an AOF that ends where it ended a second or two before the kill, less a few bytes: in
    /// the middle of a command.
    /// </summary>
    private async Task TruncateAofAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        var primary = redis.Primary;
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
    private async Task FailOverAsync(
        PlannedFault fault, bool split, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        var old = redis.Primary;
        using var one = await stack.OwnAsync(RedisPair.Names[0], stopInjecting);
        using var other = await stack.OwnAsync(RedisPair.Names[1], stopInjecting);
        if (!await WaitForSyncAsync(stopInjecting))
            throw new IOException("the replica is not in sync with the primary");

        using var lasting = log.Begin(fault.Kind, old);
        redis.ReplicationProxy.Hold();
        await clock.DelayAsync(TimeSpan.FromSeconds(0.3 + 1.7 * fault.Variant), cancellationToken);
        await redis.PromoteAsync(cancellationToken);
        if (split)
        {
            redis.RedirectAllBut(fault.Instance);
            await clock.DelayAsync(fault.Lasts, cancellationToken);
        }

        await stack.KillAsync(old, cancellationToken);
        if (split) redis.Redirect(fault.Instance);
        else redis.RedirectAll();
        await stack.StartAsync(old, cancellationToken);
    }

    private async Task<bool> WaitForSyncAsync(CancellationToken stopInjecting)
    {
        var until = clock.NowUs + (long)SyncTimeout.TotalMicroseconds;
        while (!await redis.IsInSyncAsync(stopInjecting))
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

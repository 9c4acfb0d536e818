using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;

namespace Auctions.Faults.Injection;

/// <summary>
/// Faults of servers that exchange their roles by themselves. They hit a primary, one after another, and only when its
/// replica has what it has: a shard that loses all its servers is another matter.
/// </summary>
internal sealed class FailoverFaults(
    FailoverServers redis, PartFaults parts, FaultStack stack, FaultLog log, RunClock clock) : IRedisFaults
{
    /// <summary>What every fault of Redis owns while it lasts.</summary>
    private const string Roles = "the roles of the Redis servers";

    private static readonly TimeSpan HealthTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FailoverTimeout = TimeSpan.FromSeconds(12);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    public async Task CarryOutAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var roles = await stack.OwnAsync(Roles, stopInjecting);
        var primary = await ChooseAsync(fault, stopInjecting);
        switch (fault.Kind)
        {
            case FaultKind.RedisKill:
                await KillAsync(primary, fault, stopInjecting, cancellationToken);
                break;
            case FaultKind.RedisStop:
                await StopAsync(primary, fault, cancellationToken);
                break;
            case FaultKind.RedisFlush:
                using (log.Begin(fault.Kind, primary))
                    await RedisAdmin.SendAsync(stack.Run, stack.Run.Endpoints[primary], "FLUSHALL", cancellationToken);
                break;
            case FaultKind.RedisClock:
                await parts.ShiftClockAsync(primary, fault, stopInjecting, cancellationToken);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault), fault.Kind, null);
        }
    }

    /// <summary>
    /// Three times in four it stays dead until another server has taken over; otherwise it may be back before.
    /// </summary>
    private async Task KillAsync(
        string primary, PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(primary, stopInjecting);
        using var lasting = log.Begin(fault.Kind, primary);
        await stack.KillAsync(primary, cancellationToken);
        if (fault.Variant < 0.75) await AwaitFailoverAsync(primary, cancellationToken);
        else await clock.DelayAsync(fault.Lasts / 4, cancellationToken);
        await stack.StartAsync(primary, cancellationToken);
    }

    /// <summary>
    /// Often long enough for a failover. Then it goes on as if it were the primary, until it is told.
    /// </summary>
    private async Task StopAsync(string primary, PlannedFault fault, CancellationToken cancellationToken)
    {
        if (stack.Process(primary) is not { } process) return;
        using var lasting = log.Begin(fault.Kind, primary);
        Signals.Send(process.Pid, Signals.Stop);
        try
        {
            await clock.DelayAsync(TimeSpan.FromSeconds(1 + (4 * fault.Variant)), cancellationToken);
        }
        finally
        {
            Signals.Send(process.Pid, Signals.Continue);
        }
    }

    /// <exception cref="IOException">The servers have not recovered from the last fault.</exception>
    private async Task<string> ChooseAsync(PlannedFault fault, CancellationToken stopInjecting)
    {
        var until = clock.NowUs + (long)HealthTimeout.TotalMicroseconds;
        while (!await redis.IsHealthyAsync(stopInjecting))
        {
            if (clock.NowUs > until) throw new IOException("not every primary of Redis has a replica");
            await clock.DelayAsync(PollInterval, stopInjecting);
        }

        var primaries = await redis.PrimariesAsync(stopInjecting);
        return primaries.Count > 0
            ? primaries[(int)(fault.Variant * 1_000) % primaries.Count]
            : throw new IOException("Redis has no primary");
    }

    private async Task AwaitFailoverAsync(string dead, CancellationToken cancellationToken)
    {
        var count = (await redis.PrimariesAsync(cancellationToken)).Count;
        var until = clock.NowUs + (long)FailoverTimeout.TotalMicroseconds;
        while (clock.NowUs < until)
        {
            var primaries = await redis.PrimariesAsync(cancellationToken);
            if (primaries.Count >= count && !primaries.Contains(dead)) return;
            await clock.DelayAsync(PollInterval, cancellationToken);
        }
    }
}

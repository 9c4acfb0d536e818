using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;

namespace Auctions.Faults.Injection;

/// <summary>
/// Carries out a plan.
/// <para>Concurrency: each fault is a task of its own, so faults of different parts overlap. A fault owns its part (see
/// <see cref="FaultStack.OwnAsync"/>): another fault of the same part waits.</para>
/// <para>Lifecycle: ends when every started fault is over. Faults that could not begin before <c>stopInjecting</c> are
/// left out. When <c>cancellationToken</c> is cancelled, lasting faults end at once, and the run fails.</para>
/// <para>Invariants: a fault that has begun is undone: a killed part is started again, a cut connection restored. If
/// the server that a fault needs has just been killed by somebody else, the fault is skipped and logged.</para>
/// <para>Bounds: the plan bounds the number of faults; its times bound how many last at once.</para>
/// </summary>
internal sealed class FaultInjector(
    FaultStack stack, PartFaults parts, IRedisFaults redis, RowLock rows, RunClock clock, Action<string> say)
{
    /// <summary>How long a lock of rows waits until nothing else is broken.</summary>
    private static readonly TimeSpan CalmWithin = TimeSpan.FromSeconds(15);

    /// <summary>Then it is alone for this time, so that the report shows how other auctions do.</summary>
    private static readonly TimeSpan LockAlone = TimeSpan.FromSeconds(6);

    public async Task RunAsync(
        IReadOnlyList<PlannedFault> plan, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        var started = new List<Task>();
        foreach (var fault in plan)
        {
            var wait = fault.At - TimeSpan.FromMicroseconds(clock.NowUs);
            if (wait > TimeSpan.Zero)
                await clock.DelayAsync(wait, stopInjecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var isLock = fault.Kind == FaultKind.RowLock;
            if (isLock) await Task.WhenAny(Task.WhenAll(started), clock.DelayAsync(CalmWithin, stopInjecting));
            if (stopInjecting.IsCancellationRequested) break;
            started.Add(InjectAsync(fault, stopInjecting, cancellationToken));
            if (!isLock) continue;
            await clock.DelayAsync(LockAlone, stopInjecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(started);
    }

    private async Task InjectAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        try
        {
            await CarryOutAsync(fault, stopInjecting, cancellationToken);
        }
        catch (OperationCanceledException)
            when (stopInjecting.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            say($"{FaultLog.Name(fault.Kind)} could not begin in time and is left out");
        }
        catch (OperationCanceledException)
        {
            say($"{FaultLog.Name(fault.Kind)} was not over");
            throw;
        }
        catch (IOException e)
        {
            // Somebody else has just killed the server; the process restarter starts it again.
            say($"{FaultLog.Name(fault.Kind)} could not be carried out: {e.Message}");
        }
    }

    private Task CarryOutAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        var bidding = FaultStack.Bidding[fault.Instance];
        var toPostgres = stack.PostgresProxies[fault.Instance];
        return fault.Kind switch
        {
            FaultKind.PostgresKill => parts.KillPostgresAsync(fault, stopInjecting, cancellationToken),
            FaultKind.BiddingKill => parts.KillAsync(bidding, fault, stopInjecting, cancellationToken),
            FaultKind.AuctionKill => parts.KillAsync("auction", fault, stopInjecting, cancellationToken),
            FaultKind.UpdaterKill => parts.KillAsync("updater", fault, stopInjecting, cancellationToken),
            FaultKind.GatewayKill => parts.KillAsync("gateway", fault, stopInjecting, cancellationToken),
            FaultKind.RelayKill => parts.KillAsync("relay", fault, stopInjecting, cancellationToken),
            FaultKind.CutBiddingPostgres => parts.CutAsync(toPostgres, fault, stopInjecting, cancellationToken),
            FaultKind.HoldBiddingPostgres => parts.HoldAsync(toPostgres, fault, stopInjecting, cancellationToken),
            FaultKind.RowLock => rows.HoldAsync(fault, stopInjecting, cancellationToken),
            FaultKind.ServiceClock => parts.ShiftClockAsync(
                fault.Variant < 0.5 ? bidding : fault.Variant < 0.9 ? "auction" : "updater",
                fault, stopInjecting, cancellationToken),
            _ => redis.CarryOutAsync(fault, stopInjecting, cancellationToken),
        };
    }
}

/// <summary>Faults of the services, of Postgres, and of the connections between them.</summary>
/// <remarks>
/// Once <c>stopInjecting</c> is cancelled, no fault may begin. Once <c>cancellationToken</c> is cancelled, a lasting
/// fault must end at once.
/// </remarks>
internal sealed class PartFaults(FaultStack stack, FaultLog log, RunClock clock)
{
    public async Task KillAsync(
        string part, PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(part, stopInjecting);
        using var lasting = log.Begin(fault.Kind, part);
        await stack.KillAsync(part, cancellationToken);
        await clock.DelayAsync(fault.Lasts, cancellationToken);
        await stack.StartAsync(part, cancellationToken);
    }

    /// <summary>
    /// Restarts the part with a wrong clock, and later with the right one. In between it is no fault that anything may
    /// wait for: only the two restarts are logged.
    /// </summary>
    public async Task ShiftClockAsync(
        string part, PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        // A service is an hour ahead; Redis some minutes ahead or behind.
        var ahead = fault.Kind == FaultKind.ServiceClock
            ? TimeSpan.FromHours(1)
            : TimeSpan.FromSeconds((fault.Instance == 0 ? 1 : -1) * (2 + (600 * fault.Variant * fault.Variant)));
        using var owned = await stack.OwnAsync(part, stopInjecting);
        stack.Clocks.Set(part, ahead);
        try
        {
            await RestartAsync();
            await clock.DelayAsync(3 * fault.Lasts, stopInjecting)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            stack.Clocks.Set(part, TimeSpan.Zero);
            await RestartAsync();
        }

        async Task RestartAsync()
        {
            using var lasting = log.Begin(fault.Kind, part);
            await stack.KillAsync(part, cancellationToken);
            await stack.StartAsync(part, cancellationToken);
        }
    }

    /// <summary>Kills only the server, whose children then notice and end, or all of them at once.</summary>
    public async Task KillPostgresAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        const string part = "postgres";
        using var owned = await stack.OwnAsync(part, stopInjecting);
        using var lasting = log.Begin(fault.Kind, part);
        var children = stack.Process(part) is { } server && fault.Variant < 0.5 ? ChildrenOf(server.Pid) : [];
        await stack.KillAsync(part, cancellationToken);
        children.ForEach(child => Signals.Send(child, Signals.Kill));
        await clock.DelayAsync(fault.Lasts / 2, cancellationToken);
        await stack.StartAsync(part, cancellationToken);
    }

    public async Task CutAsync(
        FaultProxy proxy, PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(ConnectionName(fault), stopInjecting);
        using var lasting = log.Begin(fault.Kind, FaultStack.Bidding[fault.Instance]);
        await proxy.CutAsync();
        await RestoreAfterAsync(fault.Lasts, proxy, cancellationToken);
    }

    public async Task HoldAsync(
        FaultProxy proxy, PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(ConnectionName(fault), stopInjecting);
        using var lasting = log.Begin(fault.Kind, FaultStack.Bidding[fault.Instance]);
        proxy.Hold();
        await RestoreAfterAsync(fault.Lasts, proxy, cancellationToken);
    }

    private async Task RestoreAfterAsync(TimeSpan time, FaultProxy proxy, CancellationToken cancellationToken)
    {
        try
        {
            await clock.DelayAsync(time, cancellationToken);
        }
        finally
        {
            proxy.Restore();
        }
    }

    /// <summary>What a fault of a connection owns, so that a connection has one fault at a time.</summary>
    private static string ConnectionName(PlannedFault fault)
    {
        var server = fault.Kind is FaultKind.CutBiddingRedis or FaultKind.HoldBiddingRedis ? "redis" : "postgres";
        return $"connection of {FaultStack.Bidding[fault.Instance]} to {server}";
    }

    private static List<int> ChildrenOf(int parent)
    {
        var children = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out var pid)) continue;
            try
            {
                var stat = File.ReadAllText($"{directory}/stat");
                // Field 4 is the parent. The name before it may contain blanks.
                if (stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] == $"{parent}") children.Add(pid);
            }
            catch (IOException)
            {
                // The process ended meanwhile.
            }
        }

        return children;
    }
}

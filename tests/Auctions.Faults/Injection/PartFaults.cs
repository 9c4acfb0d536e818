using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;

namespace Auctions.Faults.Injection;

/// <summary>Faults of the services, of Postgres, and of what connects them.</summary>
/// <remarks>Of two tokens the first says that a fault may no longer begin, the second that it must end at once.</remarks>
internal sealed class PartFaults(FaultStack stack, FaultLog log, RunClock clock)
{
    public async Task KillAsync(string part, PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(part, late);
        using var lasting = log.Begin(fault.Kind, part);
        await stack.KillAsync(part, cancellationToken);
        await clock.DelayAsync(fault.Lasts, cancellationToken);
        await stack.StartAsync(part, cancellationToken);
    }

    /// <summary>The server alone, whose children then notice and end, or all of them at once.</summary>
    public async Task KillPostgresAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        const string part = "postgres";
        using var owned = await stack.OwnAsync(part, late);
        using var lasting = log.Begin(fault.Kind, part);
        var children = stack.Process(part) is { } server && fault.Variant < 0.5 ? ChildrenOf(server.Pid) : [];
        await stack.KillAsync(part, cancellationToken);
        children.ForEach(child => Signals.Send(child, Signals.Kill));
        await clock.DelayAsync(fault.Lasts / 2, cancellationToken);
        await stack.StartAsync(part, cancellationToken);
    }

    public async Task CutAsync(Link link, PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(Name(fault), late);
        using var lasting = log.Begin(fault.Kind, FaultStack.Bidding[fault.Instance]);
        await link.CutAsync();
        await EndAsync(link, fault, cancellationToken);
    }

    public async Task HoldAsync(Link link, PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync(Name(fault), late);
        using var lasting = log.Begin(fault.Kind, FaultStack.Bidding[fault.Instance]);
        link.Hold();
        await EndAsync(link, fault, cancellationToken);
    }

    private async Task EndAsync(Link link, PlannedFault fault, CancellationToken cancellationToken)
    {
        try
        {
            await clock.DelayAsync(fault.Lasts, cancellationToken);
        }
        finally
        {
            link.Mend();
        }
    }

    /// <summary>A link has one fault at a time.</summary>
    private static string Name(PlannedFault fault) =>
        $"link {fault.Instance} {fault.Kind is FaultKind.CutBiddingRedis or FaultKind.HoldBiddingRedis}";

    private static List<int> ChildrenOf(int parent)
    {
        var children = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out var pid)) continue;
            try
            {
                var stat = File.ReadAllText($"{directory}/stat");
                // Field 4, the parent; the name before it may hold blanks.
                if (stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] == $"{parent}") children.Add(pid);
            }
            catch (IOException)
            {
                // It ended while it was looked at.
            }
        }

        return children;
    }
}

using Auctions.Faults.Injection;

namespace Auctions.Faults.Stack;

/// <summary>
/// Restarts parts that died and were not killed by this run: somebody else has killed them, or they crashed (then their
/// log says why). Such a death counts as a fault of the kind <see cref="FaultKind.Outside"/>.
/// <para>Concurrency: one loop looks for dead parts. Each restart is a task of its own and owns its part, so it never
/// restarts a part that a fault has just killed.</para>
/// <para>Lifecycle: runs until cancelled, then waits for the restarts that have begun.</para>
/// <para>Invariants: every part that is dead and not owned is started again. After Kafka has died, its consumers are
/// restarted as well: their offsets are gone with it.</para>
/// <para>Bounds: at most one restart per part. A part that does not start is tried again until cancelled.</para>
/// </summary>
internal sealed class ProcessRestarter(FaultStack stack, FaultLog log, TimeProvider timeProvider)
{
    private const string Kafka = "kafka";
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether Kafka has died. The records that nobody had read by then are lost.</summary>
    public bool KafkaDied { get; private set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var restarts = new List<Task>();
        while (!cancellationToken.IsCancellationRequested)
        {
            restarts.RemoveAll(task => task.IsCompletedSuccessfully);
            foreach (var part in stack.Parts.Where(part => stack.Process(part.Name) is null))
            {
                if (stack.TryOwn(part.Name) is { } owned)
                    restarts.Add(RestartAsync(part.Name, owned, cancellationToken));
            }

            await Task.Delay(PollInterval, timeProvider, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(restarts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task RestartAsync(string part, IDisposable owned, CancellationToken cancellationToken)
    {
        using var _ = owned;
        if (stack.Process(part) is not null) return; // its last owner has started it
        using var fault = log.Begin(FaultKind.Outside, part);
        if (part == Kafka) KafkaDied = true;
        await stack.StartAsync(part, cancellationToken);
        // Only now: a consumer that a fault is restarting stays owned until it is ready, which needs Kafka.
        if (part == Kafka) await KillConsumersAsync(cancellationToken);
    }

    /// <summary>Kills Kafka's consumers. The loop finds them dead and starts them again.</summary>
    private async Task KillConsumersAsync(CancellationToken cancellationToken)
    {
        foreach (var part in stack.Parts.Where(p => p.RestartsWith.Contains(Kafka)))
        {
            using var owned = await stack.OwnAsync(part.Name, cancellationToken);
            await stack.KillAsync(part.Name, cancellationToken);
        }
    }
}

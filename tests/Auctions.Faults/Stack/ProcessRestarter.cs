using Auctions.Faults.Injection;

namespace Auctions.Faults.Stack;

/// <summary>
/// Starts again what is found dead and was not killed by this run: somebody outside has killed it (or it died by itself: its log tells). Such
/// a death counts as a fault of the kind <see cref="FaultKind.Outside"/>.
/// </summary>
internal sealed class ProcessRestarter(FaultStack stack, FaultLog log, TimeProvider timeProvider)
{
    private const string Kafka = "kafka";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Kafka has died: what it held and nobody had read is gone.</summary>
    public bool KafkaDied { get; private set; }

    /// <summary>Until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var starting = new List<Task>();
        while (!cancellationToken.IsCancellationRequested)
        {
            starting.RemoveAll(task => task.IsCompletedSuccessfully);
            foreach (var part in stack.Parts.Where(part => stack.Process(part.Name) is null))
            {
                if (stack.TryOwn(part.Name) is { } owned) starting.Add(StartAsync(part.Name, owned, cancellationToken));
            }

            await Task.Delay(Pause, timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(starting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task StartAsync(string part, IDisposable owned, CancellationToken cancellationToken)
    {
        using var _ = owned;
        if (stack.Process(part) is not null) return; // its owner of a moment ago has started it
        using var fault = log.Begin(FaultKind.Outside, part);
        if (part == Kafka) KafkaDied = true;
        await stack.StartAsync(part, cancellationToken);
        // Now, not before: who is being started by a fault of its own is owned until it is ready, and is not without Kafka.
        if (part == Kafka) await RestartReadersAsync(cancellationToken);
    }

    /// <summary>Whose place in Kafka's topics is gone with them begin anew; this keeper finds them dead and starts them.</summary>
    private async Task RestartReadersAsync(CancellationToken cancellationToken)
    {
        foreach (var part in stack.Parts.Where(p => p.RestartsWith.Contains(Kafka)))
        {
            using var owned = await stack.OwnAsync(part.Name, cancellationToken);
            await stack.KillAsync(part.Name, cancellationToken);
        }
    }
}

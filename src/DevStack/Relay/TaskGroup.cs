namespace DevStack.Relay;

/// <summary>Parts of one piece of work, none of which goes on without the others.</summary>
public static class TaskGroup
{
    /// <summary>
    /// Runs them until one ends or all are cancelled, and ends as that one did; but where the main part has an end of its own, that is the cause, even
    /// if another was the first to fail of it.
    /// </summary>
    public static async Task RunAsync(
        Func<CancellationToken, Task> main, Func<CancellationToken, Task>[] others, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var cause = main(ended.Token);
        Task[] all = [cause, .. others.Select(other => other(ended.Token))];
        var first = await Task.WhenAny(all);
        await ended.CancelAsync();
        await Task.WhenAll(all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await (cause.IsCanceled ? first : cause);
    }
}

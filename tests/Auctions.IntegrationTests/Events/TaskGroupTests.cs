using DevStack.Relay;

namespace Auctions.IntegrationTests.Events;

public sealed class TaskGroupTests
{
    private readonly TaskCompletionSource _main = new(), _other = new();

    [Fact]
    public async Task The_first_failure_cancels_the_other_tasks_and_is_thrown()
    {
        var running = RunAsync(Cancellable);
        _other.SetException(new IOException("other"));
        Assert.Equal("other", (await Assert.ThrowsAsync<IOException>(() => Eventually.EndsAsync(running))).Message);
        Assert.True(_main.Task.IsCanceled);
    }

    /// <summary>This happens when a connection breaks while the relay confirms a position through it.</summary>
    [Fact]
    public async Task The_failure_of_the_main_task_is_thrown_even_if_another_task_failed_first()
    {
        var running = RunAsync(_ => _main.Task);
        _other.SetException(new InvalidOperationException("a consequence"));
        _main.SetException(new IOException("the cause"));
        Assert.Equal("the cause", (await Assert.ThrowsAsync<IOException>(() => Eventually.EndsAsync(running))).Message);
    }

    [Fact]
    public async Task The_failure_of_another_task_is_ignored_when_the_main_task_completes()
    {
        var running = RunAsync(_ => _main.Task);
        _other.SetException(new InvalidOperationException("a consequence"));
        _main.SetResult();
        await Eventually.EndsAsync(running);
    }

    [Fact]
    public async Task Cancellation_ends_all_tasks()
    {
        using var stop = new CancellationTokenSource();
        var running = RunAsync(Cancellable, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.EndsAsync(running));
    }

    private Task RunAsync(Func<CancellationToken, Task> main, CancellationToken cancellationToken = default) =>
        TaskGroup.RunAsync(main, [ended => _other.Task.WaitAsync(ended)], cancellationToken);

    private Task Cancellable(CancellationToken ended)
    {
        ended.Register(() => _main.TrySetCanceled(ended));
        return _main.Task;
    }
}

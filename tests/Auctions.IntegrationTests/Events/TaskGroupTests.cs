using DevStack.Relay;

namespace Auctions.IntegrationTests.Events;

public sealed class TaskGroupTests
{
    private readonly TaskCompletionSource _main = new(), _other = new();

    [Fact]
    public async Task The_first_to_fail_ends_the_others_and_is_told()
    {
        var running = RunAsync(Cancellable);
        _other.SetException(new IOException("other"));
        Assert.Equal("other", (await Assert.ThrowsAsync<IOException>(() => Eventually.EndsAsync(running))).Message);
        Assert.True(_main.Task.IsCanceled);
    }

    /// <summary>So it is where a connection breaks while a position is being confirmed by it.</summary>
    [Fact]
    public async Task What_the_main_part_ended_of_is_the_cause_even_if_another_failed_first()
    {
        var running = RunAsync(_ => _main.Task);
        _other.SetException(new InvalidOperationException("a consequence"));
        _main.SetException(new IOException("the cause"));
        Assert.Equal("the cause", (await Assert.ThrowsAsync<IOException>(() => Eventually.EndsAsync(running))).Message);
    }

    [Fact]
    public async Task A_main_part_that_ends_well_is_an_end_as_well()
    {
        var running = RunAsync(_ => _main.Task);
        _other.SetException(new InvalidOperationException("a consequence"));
        _main.SetResult();
        await Eventually.EndsAsync(running);
    }

    [Fact]
    public async Task Cancelled_they_end_all()
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

using Pipelines.Sockets.Unofficial;

namespace Auctions.Feed.Tests.Redis;

public class SchedulerTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Everything_scheduled_runs_once_with_its_state()
    {
        const int count = 20_000;
        using var scheduler = new DedicatedThreadPoolPipeScheduler("test", workerCount: 3);
        var runs = new int[count];
        using var left = new CountdownEvent(count);
        for (var i = 0; i < count; i++)
        {
            scheduler.Schedule(
                state =>
                {
                    Interlocked.Increment(ref runs[(int)state!]);
                    left.Signal();
                },
                i);
        }

        Assert.True(await Task.Run(() => left.Wait(Bound)));
        Assert.All(runs, times => Assert.Equal(1, times));
        Assert.Equal(3, scheduler.WorkerCount);
    }

    [Fact]
    public async Task It_runs_on_a_thread_of_its_own_and_the_pool_helps_out_when_all_are_busy()
    {
        using var scheduler = new DedicatedThreadPoolPipeScheduler("own", workerCount: 1, useThreadPoolQueueLength: 0);
        var release = new TaskCompletionSource();
        var busy = new TaskCompletionSource<string?>();
        scheduler.Schedule(
            _ =>
            {
                busy.SetResult(Thread.CurrentThread.Name);
                // The scheduler's own thread, which is to be busy.
                release.Task.Wait(Bound);
            },
            null);
        Assert.Equal("own:0", await busy.Task.WaitAsync(Bound));

        // One may wait; the next goes to the pool.
        scheduler.Schedule(_ => { }, null);
        var helped = new TaskCompletionSource<bool>();
        scheduler.Schedule(_ => helped.SetResult(Thread.CurrentThread.IsThreadPoolThread), null);
        Assert.True(await helped.Task.WaitAsync(Bound));
        Assert.Equal(1, scheduler.TotalServicedByPool);
        release.SetResult();
    }

    [Fact]
    public async Task After_its_end_it_still_runs_what_is_scheduled()
    {
        var scheduler = new DedicatedThreadPoolPipeScheduler("gone", workerCount: 1);
        scheduler.Dispose();
        var ran = new TaskCompletionSource();
        scheduler.Schedule(_ => ran.SetResult(), null);
        await ran.Task.WaitAsync(Bound);
    }
}

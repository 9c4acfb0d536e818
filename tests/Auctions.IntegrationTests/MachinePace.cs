namespace Auctions.IntegrationTests;

/// <summary>
/// How late the machine itself is while something is timed: a busy one wakes nobody in time, whatever the code under
/// test does. It asks for a short pause and a call to a server, again and again, and notes the slowest time of both.
/// </summary>
internal sealed class MachinePace : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Above this, what was late may have been so because the machine was.</summary>
    private static readonly TimeSpan QuietMax = TimeSpan.FromMilliseconds(200);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;
    private long _slowestTicks;

    /// <param name="call">A call that takes a millisecond.</param>
    public MachinePace(Func<Task> call) => _watching = WatchAsync(call);

    private TimeSpan Slowest => TimeSpan.FromTicks(Interlocked.Read(ref _slowestTicks));

    public bool IsQuiet => Slowest <= QuietMax;

    public override string ToString() =>
        $"a pause of {Pause.TotalMilliseconds} ms and a call took up to {Slowest.TotalMilliseconds:0} ms";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
        _stop.Dispose();
    }

    private async Task WatchAsync(Func<Task> call)
    {
        var clock = TimeProvider.System;
        while (!_stop.IsCancellationRequested)
        {
            var began = clock.GetTimestamp();
            await Task.Delay(Pause, clock);
            await call();
            Interlocked.Exchange(
                ref _slowestTicks, Math.Max(_slowestTicks, (clock.GetElapsedTime(began) - Pause).Ticks));
        }
    }
}

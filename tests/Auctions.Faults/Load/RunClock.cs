using Auctions.Core;

namespace Auctions.Faults.Load;

/// <summary>The run's own clock: microseconds since its start, monotonic.</summary>
public sealed class RunClock
{
    private readonly long _zero;

    public RunClock(TimeProvider timeProvider)
    {
        Time = timeProvider;
        _zero = timeProvider.GetTimestamp();
        EpochUs = timeProvider.GetUtcNow().ToMicroseconds();
    }

    public TimeProvider Time { get; }

    /// <summary>Microseconds since 1970 at its zero.</summary>
    public long EpochUs { get; }

    public long NowUs => Time.GetElapsedTime(_zero).Ticks / TimeSpan.TicksPerMicrosecond;

    public Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken) => Task.Delay(delay, Time, cancellationToken);
}

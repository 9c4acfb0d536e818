namespace Auctions.IntegrationTests;

/// <summary>Timestamps that a test moves; timers run as usual.</summary>
internal sealed class SteppedClock : TimeProvider
{
    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(TimeSpan step) => Interlocked.Add(ref _ticks, step.Ticks);

    public override long GetTimestamp() => Volatile.Read(ref _ticks);
}

namespace Auctions.Ctl.Replay;

/// <summary>
/// How long an auction stays open: an auction is created right before its first bid, and all its bids must be answered
/// before its end. Fixed, or by default 30 s, and more where an auction has so many bids that, at five times what an
/// answer takes on this machine just now, they would need longer.
/// </summary>
/// <param name="endAfter">Fixed; null = by what is measured.</param>
public sealed class Pace(TimeSpan? endAfter)
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(30);
    private readonly Lock _gate = new();

    // Before anything is measured, a slow answer is taken to be usual. Then a moving mean over about 100 answers.
    private double _meanMs = 100;

    public TimeSpan OpenFor(int bids)
    {
        lock (_gate)
        {
            var needed = TimeSpan.FromMilliseconds(5 * _meanMs * bids);
            return endAfter ?? (needed > Least ? needed : Least);
        }
    }

    /// <summary>An answer took this long.</summary>
    public void Took(TimeSpan latency)
    {
        lock (_gate) _meanMs += (latency.TotalMilliseconds - _meanMs) / 100;
    }
}

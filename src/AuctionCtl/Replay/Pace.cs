namespace Auctions.Ctl.Replay;

/// <summary>
/// How long an auction stays open: an auction is created right before its first bid, and all its bids must be answered
/// before its end. Fixed, or by default 30 s, and more where an auction has so many bids that, at three times what an
/// answer takes on this machine just now, they would need longer.
/// </summary>
/// <param name="endAfter">Fixed; null = by what is measured.</param>
public sealed class Pace(TimeSpan? endAfter)
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(30);
    private const int LongestMemory = 1_000;
    private const double MostMs = 1_000;
    private readonly Lock _gate = new();

    // A mean over the last thousand answers or so. It begins with what is usual on a busy machine, so that the first
    // answers of services that have just started do not count for much. No answer counts for more than a second: what waited
    // for a service that was away says nothing about the bids to come.
    private double _meanMs = 100;
    private int _weight = 500;

    public TimeSpan OpenFor(int bids)
    {
        lock (_gate)
        {
            var needed = TimeSpan.FromMilliseconds(3 * _meanMs * bids);
            return endAfter ?? (needed > Least ? needed : Least);
        }
    }

    /// <summary>An answer took this long.</summary>
    public void Took(TimeSpan latency)
    {
        lock (_gate)
        {
            _weight = Math.Min(_weight + 1, LongestMemory);
            _meanMs += (Math.Min(latency.TotalMilliseconds, MostMs) - _meanMs) / _weight;
        }
    }
}

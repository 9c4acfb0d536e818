namespace Auctions.Core;

/// <summary>Microseconds since 1970, UTC: the unit in which the scripts, the ledger and the rules tell time.</summary>
public static class Microseconds
{
    public static long ToMicroseconds(this DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset ToTime(long us) => DateTimeOffset.UnixEpoch.AddTicks(us * TimeSpan.TicksPerMicrosecond);
}

using System.Numerics;

namespace Auctions.Benchmarks.Load;

/// <summary>Counts of durations, in buckets of under 1.6 % of their value; from 1 us to an hour.</summary>
internal sealed class Latencies
{
    private const int SubBits = 6, Sub = 1 << SubBits;
    private readonly long[] _counts = new long[(33 - SubBits) * Sub];

    public long Count { get; private set; }

    public void Add(long us)
    {
        _counts[IndexOf(Math.Clamp(us, 0, uint.MaxValue))]++;
        Count++;
    }

    public void Add(Latencies other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Count += other.Count;
    }

    /// <summary>The upper bound of the bucket that the quantile is in, in milliseconds; 0 where there is none.</summary>
    public double Ms(double quantile)
    {
        var rank = (long)Math.Ceiling(quantile * Count);
        for (var i = 0; i < _counts.Length && rank > 0; i++)
        {
            if ((rank -= _counts[i]) <= 0) return UpperBound(i) / 1_000.0;
        }

        return 0;
    }

    private static int IndexOf(long us)
    {
        if (us < Sub) return (int)us;
        var shift = BitOperations.Log2((ulong)us) - SubBits;
        return (shift + 1) * Sub + (int)(us >> shift) - Sub;
    }

    private static double UpperBound(int index)
    {
        if (index < Sub) return index;
        var shift = index / Sub - 1;
        return ((long)(index % Sub + Sub + 1) << shift) - 1;
    }
}

using Auctions.Benchmarks.Load;

namespace Auctions.UnitTests.BenchLoad;

/// <summary>The reported durations are never shorter than the measured ones, and hardly longer.</summary>
public sealed class LatenciesTests
{
    private const long HourUs = 3_600_000_000;
    private const double WidthMax = 1.016;

    [Fact]
    public void A_duration_is_reported_as_itself_or_at_most_a_bucket_more()
    {
        const int seed = 20;
        var random = new Random(seed);
        for (var i = 0; i < 5_000; i++)
            HoldsItsBound((long)Math.Exp(random.NextDouble() * Math.Log(HourUs)), seed);
    }

    [Fact]
    public void The_bound_holds_where_the_width_of_buckets_doubles()
    {
        for (var power = 1L; power < HourUs; power *= 2)
        {
            for (var us = Math.Max(1, power - 3); us <= power + 3; us++) HoldsItsBound(us);
        }

        HoldsItsBound(HourUs);
    }

    [Fact]
    public void Short_durations_are_kept_exactly()
    {
        for (var us = 0; us < 128; us++) Assert.Equal(us / 1_000.0, Of(us).Ms(1));
    }

    [Fact]
    public void A_duration_out_of_range_counts_at_the_end_of_the_range()
    {
        Assert.Equal((0, 1), (Of(-5).Ms(1), Of(-5).Count));
        Assert.Equal((uint.MaxValue / 1_000.0, 1), (Of(long.MaxValue).Ms(1), Of(long.MaxValue).Count));
    }

    [Fact]
    public void Nothing_measured_is_zero()
    {
        var none = new Latencies();
        Assert.Equal((0, 0, 0), (none.Count, none.Ms(0.5), none.Ms(1)));
    }

    /// <summary>The 99th of 100 durations is the 99th percentile: 99 of them are not above it.</summary>
    [Theory]
    [InlineData(0.01, 1)]
    [InlineData(0.5, 50)]
    [InlineData(0.501, 51)]
    [InlineData(0.99, 99)]
    [InlineData(0.991, 100)]
    [InlineData(0.999, 100)]
    [InlineData(1, 100)]
    public void A_quantile_is_the_duration_of_its_rank(double quantile, int us)
    {
        var latencies = Of([.. Enumerable.Range(1, 100).Reverse().Select(n => (long)n)]);
        Assert.Equal((100, us / 1_000.0), (latencies.Count, latencies.Ms(quantile)));
    }

    [Fact]
    public void A_rare_long_duration_shows_only_in_the_tail()
    {
        var latencies = Of([.. Enumerable.Repeat(20L, 989), .. Enumerable.Repeat(5_000_000L, 11)]);
        Assert.Equal(0.020, latencies.Ms(0.5));
        Assert.InRange(latencies.Ms(0.99), 5_000, 5_000 * WidthMax);
        Assert.Equal(0.020, latencies.Ms(0.989));
    }

    [Fact]
    public void The_quantiles_of_much_data_are_those_of_its_sorted_list()
    {
        const int seed = 21;
        var durations = Drawn(seed, 10_001);
        var latencies = Of(durations);
        Array.Sort(durations);
        (double, int)[] quantiles =
            [(0.25, 2_501), (0.5, 5_001), (0.9, 9_001), (0.99, 9_901), (0.999, 9_991), (1, 10_001)];
        foreach (var (quantile, rank) in quantiles)
        {
            var exact = durations[rank - 1] / 1_000.0;
            Assert.True(latencies.Ms(quantile) >= exact && latencies.Ms(quantile) <= exact * WidthMax,
                $"seed {seed}: {quantile} is {latencies.Ms(quantile)} ms and should be {exact}");
        }
    }

    [Fact]
    public void Merged_latencies_are_the_same_as_all_added_to_one()
    {
        var (first, second) = (Drawn(22, 3_000), Drawn(23, 500));
        var (merged, other, all) = (Of(first), Of(second), Of([.. first, .. second]));
        var before = Quantiles(other);
        merged.Add(other);
        Assert.Equal(3_500, merged.Count);
        Assert.Equal(Quantiles(all), Quantiles(merged));
        Assert.Equal(500, other.Count);
        Assert.Equal(before, Quantiles(other));
    }

    private static void HoldsItsBound(long us, int? seed = null)
    {
        var reported = Math.Round(Of(us).Ms(1) * 1_000);
        Assert.True(reported >= us && reported <= us * WidthMax, $"seed {seed}: {us} us is reported as {reported}");
    }

    private static Latencies Of(params long[] durations)
    {
        var latencies = new Latencies();
        foreach (var us in durations) latencies.Add(us);
        return latencies;
    }

    private static long[] Drawn(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextInt64(1, 50_000_000))];
    }

    private static double[] Quantiles(Latencies latencies) =>
        [.. Enumerable.Range(0, 1_001).Select(i => latencies.Ms(i / 1_000.0))];
}

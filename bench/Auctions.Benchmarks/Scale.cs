namespace Auctions.Benchmarks;

/// <summary>How long, how often, how many.</summary>
/// <param name="Rounds">All designs take turns, and the median round counts: by answers a second, of an open loop by p99.</param>
/// <param name="WarmUpS">At least.</param>
/// <param name="WarmUpMostS">The warm-up goes on until the server compiles nothing any more, this long at most; in the sweep <see cref="SweepWarmUpMostS"/>.</param>
/// <param name="PoolSizes">Connections to Postgres that each peer is tried with.</param>
/// <param name="Many">Auctions of the largest case.</param>
/// <param name="Mixed">Auctions of the mixed case: half of the bids go to a hundredth of them.</param>
/// <param name="Fractions">Of a design's own closed-loop rate, for the open loop, beside the half of it that each round has.</param>
internal sealed record Scale(
    int Rounds, double WarmUpS, double WarmUpMostS, double MeasuredS, int[] PoolSizes, double SweepS, int Spread, int Many, int Mixed, double[] Fractions, double OpenS,
    int[] OtherCallers, int BenchmarkCalls, double DecideS, int AppendRows)
{
    /// <summary>Concurrent unary callers of the closed loop. The hot auction is measured with <see cref="OtherCallers"/> too: with 512 ours leaves a quarter
    /// of the cores idle, and some peers do less with 1,024 than with fewer.</summary>
    public const int Callers = 512;

    /// <summary>The most that an open loop lets be in flight: far above what any rate below saturation needs.</summary>
    public const int OpenCallers = 8_000;

    public const int Bidders = 2_000;

    public const double SweepWarmUpS = 1, SweepWarmUpMostS = 4;

    public static Scale Full { get; } = new(3, 1.5, 15, 4, [8, 16, 32, 64], 1.5, 1_000, 100_000, 10_000, [0.25, 0.75, 0.9], 6, [256, 1_024], 100_000, 2, 60_000);

    public static Scale Quick { get; } = new(1, 1, 5, 2.5, [32], 0.7, 1_000, 10_000, 1_000, [0.9], 2.5, [], 40_000, 1, 20_000);
}

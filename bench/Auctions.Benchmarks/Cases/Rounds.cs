namespace Auctions.Benchmarks.Cases;

internal static class Rounds
{
    /// <summary>The round in the middle; of an even number the lower one.</summary>
    public static T Middle<T>(this IReadOnlyList<T> rounds, Func<T, double> by) => rounds.OrderBy(by).ElementAt((rounds.Count - 1) / 2);
}

using System.Diagnostics;

namespace Auctions.StackTests;

/// <summary>Waits for a condition, and not for ever.</summary>
internal static class Bounded
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);

    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var began = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(began.Elapsed < Bound, $"waited {Bound.TotalSeconds} s until {what}");
            await Task.Delay(Interval, TimeProvider.System);
        }
    }
}

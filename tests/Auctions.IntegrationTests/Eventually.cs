using System.Runtime.CompilerServices;

namespace Auctions.IntegrationTests;

/// <summary>Waits for what another task or process does in its own time, and no longer than a bound.</summary>
internal static class Eventually
{
    // For a machine that has much else to do: what holds at all holds within a second.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns as soon as it holds, and fails where it does not within the bound.</summary>
    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var clock = TimeProvider.System;
        for (var began = clock.GetTimestamp(); !await condition(); await Task.Delay(Step, clock))
            Assert.True(clock.GetElapsedTime(began) < Bound, $"Not within {Bound.TotalSeconds} s: {what}");
    }

    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static Task EndsAsync(Task task) => task.WaitAsync(Bound, TimeProvider.System);

    public static Task<T> EndsAsync<T>(Task<T> task) => task.WaitAsync(Bound, TimeProvider.System);
}

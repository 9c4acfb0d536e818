using System.Runtime.CompilerServices;

namespace Auctions;

/// <summary>
/// Waits until another task or process has done something, up to a bound. The test projects that need it compile this
/// file.
/// </summary>
internal static class Eventually
{
    // Generous, because the machine may be busy. A condition that becomes true does so within a second.
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns as soon as the condition is true. Fails if it is not true within the bound.</summary>
    /// <param name="what">Describes the condition, and the last state if that helps to find the cause.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> what)
    {
        var clock = TimeProvider.System;
        for (var began = clock.GetTimestamp(); !await condition(); await Task.Delay(Interval, clock))
            Assert.True(clock.GetElapsedTime(began) < Bound, $"Not within {Bound.TotalSeconds} s: {what()}");
    }

    public static Task TrueAsync(
        Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(condition, () => what);

    public static Task TrueAsync(
        Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static Task EndsAsync(Task task) => task.WaitAsync(Bound, TimeProvider.System);

    public static Task<T> EndsAsync<T>(Task<T> task) => task.WaitAsync(Bound, TimeProvider.System);
}

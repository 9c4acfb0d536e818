using System.Runtime.CompilerServices;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>Waits for what is to come, and no longer than a bound.</summary>
internal static class Soon
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);

    public static Task TrueAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var clock = TimeProvider.System;
        for (var began = clock.GetTimestamp(); !await condition(); await Task.Delay(Step, clock))
            Assert.True(clock.GetElapsedTime(began) < Bound, $"Not within {Bound}: {what}");
    }

    public static Task EndsAsync(Task task) => task.WaitAsync(Bound, TimeProvider.System);

    public static Task<T> EndsAsync<T>(Task<T> task) => task.WaitAsync(Bound, TimeProvider.System);
}

namespace Auctions.IntegrationTests.Feed;

/// <summary>Waits for a condition, up to a bound.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public static async Task IsTrueAsync(Func<Task<bool>> condition, string what)
    {
        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        while (!await condition())
        {
            if (clock.GetElapsedTime(began) > Bound) throw new TimeoutException($"Not within {Bound.TotalSeconds} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), clock);
        }
    }

    public static Task IsTrueAsync(Func<bool> condition, string what) => IsTrueAsync(() => Task.FromResult(condition()), what);
}

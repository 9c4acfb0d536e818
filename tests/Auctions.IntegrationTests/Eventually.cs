namespace Auctions.IntegrationTests;

/// <summary>Waits for what another process does in its own time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(30), Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Returns as soon as it holds, and fails where it does not within 30 s.</summary>
    public static async Task TrueAsync(Func<Task<bool>> holds)
    {
        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        while (!await holds())
        {
            Assert.True(clock.GetElapsedTime(began) < Most, $"It did not hold within {Most.TotalSeconds} s.");
            await Task.Delay(Pause, clock);
        }
    }
}

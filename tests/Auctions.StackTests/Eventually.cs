using System.Diagnostics;

namespace Auctions.StackTests;

/// <summary>Waits for a condition, up to a bound.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(10);

    public static Task TrueAsync(Func<bool> condition, string what) =>
        TrueAsync(() => Task.FromResult(condition()), () => what);

    /// <param name="what">Describes the condition, and the last state if that helps to find the cause.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> what)
    {
        var started = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(started.Elapsed < Bound, $"Not within {Bound.TotalSeconds} s: {what()}");
            await Task.Delay(Interval, TimeProvider.System);
        }
    }
}

/// <summary>Processes as Linux sees them.</summary>
internal static class LinuxProcess
{
    /// <summary>Whether it runs. A zombie does not.</summary>
    public static bool IsRunning(int pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ");

    /// <summary>The command lines that contain a text.</summary>
    public static IEnumerable<string> CommandLinesWith(string text)
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out _)) continue;
            string command;
            try
            {
                command = File.ReadAllText(Path.Combine(directory, "cmdline"));
            }
            catch (IOException)
            {
                continue; // it ended during the loop
            }

            if (command.Contains(text)) yield return command;
        }
    }
}

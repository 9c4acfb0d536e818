using System.Collections.Concurrent;
using System.Globalization;
using DevStack.Supervision;

namespace Auctions.Faults.Stack;

/// <summary>The parts whose clocks are wrong, by libfaketime. A change holds from the part's next start.</summary>
public sealed class ShiftedClocks
{
    private readonly ConcurrentDictionary<string, TimeSpan> _ahead = new(StringComparer.Ordinal);

    /// <summary>Sets how far a part's clock is ahead; negative = behind.</summary>
    public void Set(string part, TimeSpan ahead) => _ahead[part] = ahead;

    /// <summary>The launch with the part's clock.</summary>
    /// <exception cref="StackException">libfaketime is not installed.</exception>
    public Launch Apply(string part, Launch launch)
    {
        var ahead = _ahead.GetValueOrDefault(part);
        if (ahead == TimeSpan.Zero) return launch;
        var libraries = launch.Command.Contains("redis-server")
            ? $"{Library("faketime/libfaketime.so.1")}:{Library("libc.so.6")}" // jemalloc and libfaketime alone hang
            : Library("faketime/libfaketime.so.1");
        return launch with
        {
            Environment = new Dictionary<string, string>(launch.Environment)
            {
                ["LD_PRELOAD"] = libraries,
                ["FAKETIME"] = ahead.TotalSeconds.ToString("+0;-0", CultureInfo.InvariantCulture) + "s",
                // Only the time of day is wrong. Without the second setting .NET's timed waits end at once.
                ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
                ["FAKETIME_FORCE_MONOTONIC_FIX"] = "0",
            },
        };
    }

    private static string Library(string name) =>
        Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists)
        ?? throw new StackException($"{name} is not installed: the package faketime has it");
}

using System.Globalization;

namespace Auctions.Benchmarks.Machine;

/// <summary>CPU time from /proc, user and system. Its grain is a hundredth of a second.</summary>
internal static class ProcessCpu
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every Linux that .NET runs on
    private const string CompilerThread = "(.NET Tiered Com)"; // ".NET Tiered Compilation", as far as the kernel keeps it

    /// <summary>Of each process and its children, those that have ended too: Postgres has one for each connection.</summary>
    /// <remarks>One pass for all: hundreds of files read one after another are a stall at the beginning of what is measured.</remarks>
    public static double[] OfTrees(int[] pids)
    {
        while (true)
        {
            var ended = Array.ConvertAll(pids, OfEndedChildren);
            var ticks = (double[])ended.Clone();
            foreach (var directory in Directory.EnumerateDirectories("/proc"))
            {
                if (!int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var other) || Read($"{other}") is not { } stat) continue;
                var tree = Array.FindIndex(pids, pid => other == pid || Number(stat, 1) == pid);
                if (tree >= 0) ticks[tree] += Number(stat, 11) + Number(stat, 12);
            }

            // Where a child ended meanwhile, its time was seen nowhere, or twice.
            if (Array.ConvertAll(pids, OfEndedChildren).SequenceEqual(ended)) return Array.ConvertAll(ticks, t => t / TicksPerSecond);
        }

        static double OfEndedChildren(int pid) => Read($"{pid}") is { } stat ? Number(stat, 13) + Number(stat, 14) : 0;
    }

    /// <summary>What a .NET process has spent on compiling hot methods anew. The thread ends when it has been idle for a while.</summary>
    public static double OfCompiler(int pid)
    {
        var ticks = 0.0;
        foreach (var directory in Directory.EnumerateDirectories($"/proc/{pid}/task"))
        {
            if (Read($"{pid}/task/{Path.GetFileName(directory)}", CompilerThread) is { } stat) ticks += Number(stat, 11) + Number(stat, 12);
        }

        return ticks / TicksPerSecond;
    }

    /// <summary>This process: the load.</summary>
    public static double OfSelf()
    {
        var stat = Read("self")!;
        return (Number(stat, 11) + Number(stat, 12)) / TicksPerSecond;
    }

    /// <summary>Everything on this machine.</summary>
    public static double OfMachine()
    {
        // cpu user nice system idle iowait irq softirq steal
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (Number(fields, 1) + Number(fields, 2) + Number(fields, 3) + Number(fields, 6) + Number(fields, 7)) / TicksPerSecond;
    }

    private static double Number(string[] stat, int field) => double.Parse(stat[field], CultureInfo.InvariantCulture);

    /// <summary>The fields after the name, state first; null for a process or thread that has ended, or has another name. The name may hold blanks.</summary>
    private static string[]? Read(string of, string name = "")
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{of}/stat");
            return !stat.Contains(name, StringComparison.Ordinal) ? null : stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}

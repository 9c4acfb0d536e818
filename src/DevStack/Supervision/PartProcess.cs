using System.Diagnostics;

namespace DevStack.Supervision;

/// <summary>The process of a part, found again through its pid file by whoever comes later.</summary>
/// <remarks>
/// <c>{name}.pid</c> holds the process id alone. <c>{name}.start</c> holds what tells that process from a later one
/// which got the same id (boot id and start time), and the digest of what was started.
/// </remarks>
/// <param name="LaunchDigest">See <see cref="RunDirectory.LaunchDigest"/>.</param>
public sealed record PartProcess(int Pid, string LaunchDigest)
{
    private static readonly string BootId = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    // Written by the process itself before it becomes the part, so that no moment exists in which it runs
    // and no file knows of it. $1 pid file, $2 start file, $3 boot id and digest, $4 log; the rest is the command.
    private const string BecomePart = """
        exec </dev/null >>"$4" 2>&1
        echo "$(cut -d' ' -f22 /proc/$$/stat) $3" >"$2"
        echo "$$" >"$1.new"
        mv "$1.new" "$1"
        shift 4
        exec "$@"
        """;

    /// <summary>The running process of a part; null if there is none. A zombie does not run.</summary>
    public static PartProcess? Find(RunDirectory run, string part)
    {
        if (Read(run.PidFile(part)) is not { } pidText || Read(run.StartFile(part)) is not { } startText
            || !int.TryParse(pidText, out var pid))
        {
            return null;
        }
        var start = startText.Trim().Split(' ');
        return start is [var ticks, var boot, var digest] && boot == BootId && StartTicks(pid) == ticks
            ? new PartProcess(pid, digest)
            : null;
    }

    /// <summary>Whether it still runs.</summary>
    public bool IsAlive(RunDirectory run, string part) => Find(run, part)?.Pid == Pid;

    /// <summary>Starts a part in a session of its own, so that neither the end of this process nor that of the
    /// terminal reaches it.</summary>
    public static void Start(RunDirectory run, string part, Launch launch, string launchDigest)
    {
        File.Delete(run.PidFile(part));
        var start = new ProcessStartInfo("setsid") { WorkingDirectory = run.Root };
        foreach (var word in (string[])["sh", "-c", BecomePart, part, run.PidFile(part), run.StartFile(part),
            $"{BootId} {launchDigest}", run.LogFile(part), .. launch.Command])
        {
            start.ArgumentList.Add(word);
        }
        foreach (var (key, value) in launch.Environment)
        {
            start.Environment[key] = value;
        }
        using var process = Process.Start(start);
    }

    /// <summary>Elapsed since its start.</summary>
    public TimeSpan Uptime()
    {
        const double ticksPerSecond = 100; // USER_HZ, the same on every Linux that .NET runs on
        var sinceBoot = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0]);
        return TimeSpan.FromSeconds(Math.Max(0, sinceBoot - double.Parse(StartTicks(Pid) ?? "0") / ticksPerSecond));
    }

    /// <summary>Null where it is not there, be it gone in this moment.</summary>
    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Field 22 of /proc/pid/stat; null for what does not run. The name before it may hold blanks.</summary>
    private static string? StartTicks(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : fields[19];
        }
        catch (IOException)
        {
            return null; // no such process, or it ended while it was read
        }
    }
}

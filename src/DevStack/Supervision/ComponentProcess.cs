using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DevStack.Supervision;

/// <summary>The running process of a component. Any later process of DevStack finds it by its files.</summary>
/// <remarks>
/// <c>{name}.pid</c> contains only the process id. <c>{name}.start</c> contains the process's start time and boot id,
/// which tell it from a later process with the same id, and the digest of its launch.
/// </remarks>
/// <param name="LaunchDigest">See <see cref="RunDirectory.LaunchDigest"/>.</param>
public sealed record ComponentProcess(int Pid, string LaunchDigest)
{
    private static readonly string BootId = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    // The new process writes its files itself, before it executes the component's command: there is no moment at which
    // the component runs without a pid file. $1 pid file, $2 start file, $3 boot id and digest, $4 log; the rest is the
    // command.
    private const string BecomeComponent = """
        exec </dev/null >>"$4" 2>&1
        echo "$(cut -d' ' -f22 /proc/$$/stat) $3" >"$2"
        echo "$$" >"$1.new"
        mv "$1.new" "$1"
        shift 4
        exec "$@"
        """;

    /// <summary>
    /// The running process of a component; null if there is none. A zombie does not count as running.
    /// </summary>
    public static ComponentProcess? Find(RunDirectory run, string component)
    {
        if (ReadIfExists(run.PidFile(component)) is not { } pidText
            || ReadIfExists(run.StartFile(component)) is not { } startText
            || !int.TryParse(pidText, out var pid))
        {
            return null;
        }

        var start = startText.Trim().Split(' ');
        return start is [var ticks, var boot, var digest] && boot == BootId && StartTicks(pid) == ticks
            ? new ComponentProcess(pid, digest)
            : null;
    }

    /// <summary>Whether this process still runs.</summary>
    public bool IsAlive(RunDirectory run, string component) => Find(run, component)?.Pid == Pid;

    /// <summary>
    /// Starts a component in a session of its own, so that it outlives this process and the terminal.
    /// </summary>
    public static void Start(RunDirectory run, string component, Launch launch, string launchDigest)
    {
        File.Delete(run.PidFile(component));
        string[] arguments =
        [
            "sh", "-c", BecomeComponent, component, run.PidFile(component), run.StartFile(component),
            $"{BootId} {launchDigest}", run.LogFile(component), .. launch.Command,
        ];
        var start = new ProcessStartInfo("setsid", arguments) { WorkingDirectory = run.Root };
        foreach (var (key, value) in launch.Environment) start.Environment[key] = value;
        using var process = Process.Start(start);
    }

    /// <summary>The time since its start.</summary>
    public TimeSpan Uptime()
    {
        const double ticksPerSecond = 100; // USER_HZ: the same on every Linux on which .NET runs
        var sinceBoot = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0]);
        return TimeSpan.FromSeconds(Math.Max(0, sinceBoot - double.Parse(StartTicks(Pid) ?? "0") / ticksPerSecond));
    }

    // Another process may delete the file at any moment.
    private static string? ReadIfExists(string file)
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

    // Field 22 of /proc/PID/stat; null if the process does not run. Field 2, the name in parentheses, may contain
    // blanks.
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
            return null; // there is no such process, or it ended during the read
        }
    }
}

/// <summary>POSIX signals. .NET can kill a process that it did not start, but cannot ask it to stop.</summary>
public static class Signals
{
    public const int Int = 2;
    public const int Kill = 9;
    public const int Term = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>Sends a signal. It is no error if the process has ended meanwhile.</summary>
    /// <exception cref="IOException">The process belongs to another user.</exception>
    public static void Send(int pid, int signal)
    {
        const int noSuchProcess = 3;
        if (kill(pid, signal) != 0 && Marshal.GetLastPInvokeError() is var error && error != noSuchProcess)
        {
            throw new IOException($"signal {signal} to process {pid}: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [DllImport("libc", SetLastError = true)]
#pragma warning disable IDE1006, SYSLIB1054 // libc's own name; no source generator for one call of two integers
    private static extern int kill(int pid, int signal);
#pragma warning restore IDE1006, SYSLIB1054
}

/// <summary>Runs a program of the system and waits until it ends.</summary>
public static class SystemCommand
{
    /// <returns>Its standard output.</returns>
    /// <exception cref="StackException">It failed; the message contains its standard error.</exception>
    public static async Task<string> RunAsync(
        IReadOnlyList<string> command, string input, CancellationToken cancellationToken)
    {
        var (code, output, error) = await TryAsync(command, input, cancellationToken);
        return code == 0 ? output : throw new StackException($"{command[0]} ended with {code}: {error.Trim()}");
    }

    public static async Task<bool> SucceedsAsync(IReadOnlyList<string> command, CancellationToken cancellationToken) =>
        (await TryAsync(command, "", cancellationToken)).Code == 0;

    private static async Task<(int Code, string Output, string Error)> TryAsync(
        IReadOnlyList<string> command, string input, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read its input. Its exit code and its standard error tell why.
        }

        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output, await error);
    }
}

using System.Runtime.InteropServices;

namespace DevStack.Supervision;

/// <summary>POSIX signals: .NET can only kill a process that it did not start, never ask it to stop.</summary>
public static class Signals
{
    public const int Int = 2;
    public const int Kill = 9;
    public const int Term = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>Sends a signal. That the process has ended meanwhile is no error.</summary>
    /// <exception cref="IOException">The process belongs to somebody else.</exception>
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

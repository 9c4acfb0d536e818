using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Auctions.IntegrationTests.Servers;

/// <summary>
/// The process of a server that belongs to this test run. Its output is in a file. It ends with this process at the
/// latest.
/// </summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly string _logPath;

    private ServerProcess(Process process, string logPath)
    {
        _process = process;
        _logPath = logPath;
        AppDomain.CurrentDomain.ProcessExit += KillQuietly;
    }

    public int Id => _process.Id;

    /// <summary>A port that is free at the moment.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts a program and waits until it answers.</summary>
    /// <param name="logPath">The file for its output. If the program fails, the exception has the last lines.</param>
    /// <param name="ping">Returns if the server answers. An exception means that it does not answer yet.</param>
    public static async Task<ServerProcess> StartAsync(string[] command, string logPath, Func<Task> ping)
    {
        // The shell executes the program in its place, so the process id is that of the program.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = Path.GetTempPath() };
        const string script = "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1";
        foreach (var word in (string[])["-c", script, "sh", logPath, .. command]) start.ArgumentList.Add(word);
        var server = new ServerProcess(Process.Start(start)!, logPath);

        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await ping();
                return server;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                if (server._process.HasExited || clock.GetElapsedTime(began) > StartMax)
                {
                    await server.KillAsync();
                    throw new InvalidOperationException($"{command[0]} did not start: {server.LogTail()}", e);
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), clock);
        }
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task RunAsync(params string[] command)
    {
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var word in command[1..]) start.ArgumentList.Add(word);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode == 0) return;
        throw new InvalidOperationException(
            $"{string.Join(' ', command)} failed with {process.ExitCode}: {await output}{await error}");
    }

    /// <summary>Like kill -9: the process writes nothing more and closes no connection properly.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        AppDomain.CurrentDomain.ProcessExit -= KillQuietly;
    }

    /// <summary>SIGSTOP: until <see cref="Resume"/>, its connections stay open, and it does not answer.</summary>
    public void Suspend() => Signal(19);

    public void Resume() => Signal(18);

    /// <summary>Sends a signal to end the process, and kills it if it does not end.</summary>
    public async Task StopAsync(int signal)
    {
        if (!_process.HasExited) Signal(signal);
        using var bound = new CancellationTokenSource(StopMax, TimeProvider.System);
        try
        {
            await _process.WaitForExitAsync(bound.Token);
        }
        catch (OperationCanceledException)
        {
            // It is killed below. A server that does not stop must not outlive the tests.
        }

        await KillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void KillQuietly(object? sender, EventArgs e)
    {
        if (!_process.HasExited) _process.Kill();
    }

    private void Signal(int signal)
    {
        if (Kill(_process.Id, signal) == 0) return;
        throw new InvalidOperationException($"Signal {signal} to {_process.Id} failed.");
    }

    private string LogTail() =>
        File.Exists(_logPath) ? string.Join('\n', File.ReadLines(_logPath).TakeLast(20)) : "no output";

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}

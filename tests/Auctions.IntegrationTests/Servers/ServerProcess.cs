using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Auctions.IntegrationTests.Servers;

/// <summary>
/// A server of this test run's own: on a free loopback port, its output in a file, ended by its process id and no
/// later than this process.
/// </summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly string _logger;

    private ServerProcess(Process process, string log)
    {
        _process = process;
        _logger = log;
        AppDomain.CurrentDomain.ProcessExit += KillQuietly;
    }

    public int Id => _process.Id;

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts a program and waits until it answers.</summary>
    /// <param name="logger">Gets what the program writes; its end is in the exception if the program fails.</param>
    /// <param name="answers">Whether the server answers; an exception means not yet.</param>
    public static async Task<ServerProcess> StartAsync(string[] command, string log, Func<Task> answers)
    {
        // The shell becomes the program (exec): the id is the program's own.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = Path.GetTempPath() };
        foreach (var word in (string[])["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh", log, .. command]) start.ArgumentList.Add(word);
        var server = new ServerProcess(Process.Start(start)!, log);

        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await answers();
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
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', command)} failed with {process.ExitCode}: {await output}{await error}");
    }

    /// <summary>As kill -9: nothing is flushed, no one is told.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        AppDomain.CurrentDomain.ProcessExit -= KillQuietly;
    }

    /// <summary>Suspends the process (SIGSTOP): connections stay open and nothing answers. <see cref="Resume"/> ends it.</summary>
    public void Suspend() => Signal(19);

    public void Resume() => Signal(18);

    /// <summary>Asks it to end by a signal, and kills it where it does not.</summary>
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
            // Killed below: a server that does not stop must not outlive the tests.
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
        if (Kill(_process.Id, signal) != 0) throw new InvalidOperationException($"Signal {signal} to {_process.Id} failed.");
    }

    private string LogTail() => File.Exists(_logger) ? string.Join('\n', File.ReadLines(_logger).TakeLast(20)) : "no output";

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}

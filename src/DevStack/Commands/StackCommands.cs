using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using DevStack.Servers;
using DevStack.Supervision;

namespace DevStack.Commands;

/// <summary>up, down, status and logs.</summary>
internal static class StackCommands
{
    private static readonly Option<string> Run = new("--run-dir")
    {
        Description = "The stack's directory: pid files, logs, addresses, secrets and data",
        DefaultValueFactory = _ => Path.Combine(Checkout.Root(), ".run"),
    };

    public static Command Up(TimeProvider clock)
    {
        var clean = new Option<bool>("--clean") { Description = "Forget all data first" };
        var command = new Command("up", "Start what does not run yet, and wait until everything answers") { Run, clean };
        command.SetAction((arguments, ct) => ShowFaultsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            using var _ = run.Lock();
            var supervisor = Supervise(run, clock);
            if (arguments.GetValue(clean))
            {
                await supervisor.DownAsync();
                await run.RemoveDataAsync(ct);
            }
            return await supervisor.UpAsync(ct) ? 0 : 1;
        }));
        return command;
    }

    public static Command Down(TimeProvider clock)
    {
        var command = new Command("down", "Stop everything that up started; the data stays") { Run };
        command.SetAction((arguments, _) => ShowFaultsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            using var @lock = run.Lock();
            await Supervise(run, clock).DownAsync();
            return 0;
        }));
        return command;
    }

    public static Command Status(TimeProvider clock)
    {
        var json = new Option<bool>("--json") { Description = "Print a JSON array instead of a table" };
        var command = new Command("status", "Show every process; exit code 0 if all are ready, 3 if not") { Run, json };
        command.SetAction((arguments, ct) => ShowFaultsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            var parts = await Supervise(run, clock).StatusAsync(ct);
            Console.Write(arguments.GetValue(json) ? StatusReport.Json(run, parts) : StatusReport.Table(run, parts));
            return parts.All(p => p.State == PartState.Ready) ? 0 : 3;
        }));
        return command;
    }

    public static Command Logs()
    {
        var name = new Argument<string?>("name") { Arity = ArgumentArity.ZeroOrOne, Description = "All if left out" };
        var follow = new Option<bool>("-f", "--follow") { Description = "Go on as the log grows" };
        var lines = new Option<int>("-n", "--lines") { DefaultValueFactory = _ => 100 };
        var command = new Command("logs", "Show what the processes have written") { Run, name, follow, lines };
        command.SetAction((arguments, ct) => ShowFaultsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            var wanted = arguments.GetValue(name);
            var known = Topology.Parts(run).Select(p => p.Name).ToList();
            if (wanted is not null && !known.Contains(wanted))
            {
                throw new StackException($"no process is called {wanted}; there are {string.Join(", ", known)}");
            }
            var logs = known.Where(p => p == (wanted ?? p)).Select(run.LogFile).Where(File.Exists);
            string[] tail = ["-n", $"{arguments.GetValue(lines)}", .. arguments.GetValue(follow) ? ["-F"] : Array.Empty<string>()];
            using var process = Process.Start("tail", [.. tail, .. logs]);
            await process.WaitForExitAsync(ct);
            return process.ExitCode;
        }));
        return command;
    }

    private static Supervisor Supervise(RunDirectory run, TimeProvider clock) =>
        new(run, Topology.Parts(run), Checkout.Root(), clock, Console.WriteLine);

    private static async Task<int> ShowFaultsAsync(Func<Task<int>> action)
    {
        try
        {
            return await action();
        }
        catch (StackException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }
}

using System.CommandLine;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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

    public static Command Up(TimeProvider timeProvider)
    {
        var clean = new Option<bool>("--clean") { Description = "Delete all data first" };
        var command = new Command("up", "Start what does not run yet, and wait until all is ready") { Run, clean };
        command.SetAction((arguments, cancellationToken) => ShowErrorsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            using var _ = run.Lock();
            var supervisor = Supervise(run, timeProvider);
            if (arguments.GetValue(clean))
            {
                await supervisor.DownAsync();
                await run.RemoveDataAsync(cancellationToken);
            }

            return await supervisor.UpAsync(cancellationToken) ? 0 : 1;
        }));
        return command;
    }

    public static Command Down(TimeProvider timeProvider)
    {
        var command = new Command("down", "Stop everything that up has started; the data stays") { Run };
        command.SetAction((arguments, _) => ShowErrorsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            using var @lock = run.Lock();
            await Supervise(run, timeProvider).DownAsync();
            return 0;
        }));
        return command;
    }

    public static Command Status(TimeProvider timeProvider)
    {
        var json = new Option<bool>("--json") { Description = "Print a JSON array instead of a table" };
        var command = new Command("status", "Show every process; exit code 0 if all are ready, 3 if not") { Run, json };
        command.SetAction((arguments, cancellationToken) => ShowErrorsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            var statuses = await Supervise(run, timeProvider).StatusAsync(cancellationToken);
            Console.Write(arguments.GetValue(json) ? Json(run, statuses) : Table(run, statuses));
            return statuses.All(s => s.State == ComponentState.Ready) ? 0 : 3;
        }));
        return command;
    }

    public static Command Logs()
    {
        var name = new Argument<string?>("name")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "The process; all of them if omitted",
        };
        var follow = new Option<bool>("-f", "--follow") { Description = "Continue as the log grows" };
        var lines = new Option<int>("-n", "--lines") { DefaultValueFactory = _ => 100 };
        var command = new Command("logs", "Show the logs of the processes") { Run, name, follow, lines };
        command.SetAction((arguments, cancellationToken) => ShowErrorsAsync(async () =>
        {
            var run = new RunDirectory(arguments.GetValue(Run)!);
            var wanted = arguments.GetValue(name);
            var known = Topology.Components(run).Select(c => c.Name).ToList();
            if (wanted is not null && !known.Contains(wanted))
            {
                throw new StackException($"no process is called {wanted}; there are {string.Join(", ", known)}");
            }

            var logs = known.Where(n => n == (wanted ?? n)).Select(run.LogFile).Where(File.Exists);
            string[] follows = arguments.GetValue(follow) ? ["-F"] : [];
            using var tail = Process.Start("tail", ["-n", $"{arguments.GetValue(lines)}", .. follows, .. logs]);
            await tail.WaitForExitAsync(cancellationToken);
            return tail.ExitCode;
        }));
        return command;
    }

    private static Supervisor Supervise(RunDirectory run, TimeProvider timeProvider) =>
        new(run, Topology.Components(run), Checkout.Root(), timeProvider, Console.WriteLine);

    private static string Table(RunDirectory run, IReadOnlyList<ComponentStatus> statuses)
    {
        var table = new StringBuilder();
        foreach (var (component, state, process) in statuses)
        {
            var uptime = process is null ? "" : $"{process.Uptime():d\\.hh\\:mm\\:ss}";
            var addresses = string.Join(' ', Addresses(run, component));
            var line = $"{component.Name,-9} {Word(state),-8} {process?.Pid,7} {uptime,11}  {addresses}";
            table.AppendLine(line.TrimEnd());
        }

        return table.ToString();
    }

    private static string Json(RunDirectory run, IReadOnlyList<ComponentStatus> statuses)
    {
        var list = statuses.Select(s => (JsonNode)new JsonObject
        {
            ["name"] = s.Component.Name,
            ["state"] = Word(s.State),
            ["pid"] = s.Process?.Pid,
            ["uptime_s"] = s.Process is null ? null : Math.Round(s.Process.Uptime().TotalSeconds, 1),
            ["addresses"] = new JsonArray([.. Addresses(run, s.Component).Select(a => (JsonNode)a)]),
            ["log"] = run.LogFile(s.Component.Name),
        });
        return new JsonArray([.. list]).ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n";
    }

    private static string Word(ComponentState state) => state.ToString().ToLowerInvariant();

    private static IEnumerable<string> Addresses(RunDirectory run, Component component) =>
        component.EndpointNames.Select(run.Endpoints.Find).OfType<string>();

    private static async Task<int> ShowErrorsAsync(Func<Task<int>> action)
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

using System.Diagnostics;

namespace DevStack.Supervision;

/// <summary>Starts, stops and looks after the parts of one stack.</summary>
/// <param name="source">The root of the checkout whose build output is run.</param>
/// <param name="say">Takes the progress, a line at a time.</param>
public sealed class Supervisor(
    RunDirectory run, IReadOnlyList<Part> parts, string source, TimeProvider clock, Action<string> say)
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5);
    private const int LogTailLines = 20;

    /// <summary>Starts what does not run, or runs from something else than it should by now; each part as soon as
    /// those that it depends on are ready.</summary>
    /// <returns>Whether all are ready. A failing part is named with the end of its log; parts that do not depend on
    /// it are started nevertheless.</returns>
    public async Task<bool> UpAsync(CancellationToken cancellationToken)
    {
        foreach (var part in parts.Where(p => PartProcess.Find(run, p.Name) is null))
        {
            part.Ports.ToList().ForEach(run.Endpoints.Reserve);
        }
        var up = new Dictionary<string, Task<bool>>();
        foreach (var part in parts)
        {
            up[part.Name] = StartAfterAsync(part, part.DependsOn.Select(d => up[d]).ToList(), cancellationToken);
        }
        return (await Task.WhenAll(up.Values)).All(ready => ready);
    }

    /// <summary>Starts one part that does not run, without a look at those that it depends on, and waits until it is ready.</summary>
    /// <exception cref="StackException">Its process has ended, or was not ready in time.</exception>
    public Task StartAsync(string name, CancellationToken cancellationToken) => StartAsync(parts.Single(part => part.Name == name), cancellationToken);

    /// <summary>Stops every part after those that depend on it have stopped, and gives each the time to finish what
    /// it has begun.</summary>
    public async Task DownAsync()
    {
        var down = new Dictionary<string, Task>();
        foreach (var part in parts.Reverse())
        {
            var dependents = parts.Where(p => p.DependsOn.Contains(part.Name)).Select(p => down[p.Name]).ToList();
            down[part.Name] = StopAfterAsync(part, dependents);
        }
        await Task.WhenAll(down.Values);
    }

    /// <summary>Every part with what it is doing.</summary>
    public async Task<IReadOnlyList<PartStatus>> StatusAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(parts.Select(async part =>
        {
            if (PartProcess.Find(run, part.Name) is not { } process)
            {
                return new PartStatus(part, File.Exists(run.PidFile(part.Name)) ? PartState.Died : PartState.Stopped, null);
            }
            return new PartStatus(part, await ProbeAsync(part, cancellationToken) ? PartState.Ready : PartState.Unready, process);
        }));

    private async Task<bool> StartAfterAsync(Part part, IReadOnlyList<Task<bool>> dependencies, CancellationToken cancellationToken)
    {
        if (!(await Task.WhenAll(dependencies)).All(ready => ready))
        {
            say(Line(part, "not started", $"needs {string.Join(", ", part.DependsOn)}"));
            return false;
        }
        var logStart = new FileInfo(run.LogFile(part.Name)) is { Exists: true } log ? log.Length : 0;
        try
        {
            await StartAsync(part, cancellationToken);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            say(Line(part, "FAILED", e is StackException ? e.Message : e.ToString()));
            foreach (var line in LogTail(part, logStart))
            {
                say($"    | {line}");
            }
            return false;
        }
    }

    private async Task StartAsync(Part part, CancellationToken cancellationToken)
    {
        var began = Stopwatch.StartNew();
        var build = part.Project is null ? null : new BuildOutput(source, part.Project);
        string Digest() => RunDirectory.LaunchDigest(part.Launch(),
            [build?.Digest() ?? "", .. part.RestartsWith.Select(p => File.ReadAllText(run.StartFile(p)))]);

        var running = PartProcess.Find(run, part.Name);
        if (running is not null && running.LaunchDigest != Digest())
        {
            say(Line(part, "restarting", "what it was started from has changed"));
            await StopAsync(part, running);
            running = null;
        }
        var verb = "runs already";
        if (running is null || !await BecomesReadyAsync(part, cancellationToken))
        {
            verb = "ready";
            await part.Prepare(cancellationToken);
            build?.CopyTo(run.Programs(part.Name));
            PartProcess.Start(run, part.Name, part.Launch(), Digest());
            if (!await BecomesReadyAsync(part, cancellationToken))
            {
                throw new StackException($"its process ended after {began.ElapsedMilliseconds} ms");
            }
        }
        await part.WhenReady(cancellationToken);
        say(Line(part, verb, $"{began.ElapsedMilliseconds,6} ms  {Addresses(part)}"));
    }

    /// <returns>False if its process has ended; one that was killed a moment ago is found running at first.</returns>
    private async Task<bool> BecomesReadyAsync(Part part, CancellationToken cancellationToken)
    {
        var began = Stopwatch.StartNew();
        while (true)
        {
            var answers = await ProbeAsync(part, cancellationToken);
            // The process writes its pid file first thing; until then there is none to be found.
            if (File.Exists(run.PidFile(part.Name)) && PartProcess.Find(run, part.Name) is null)
            {
                return false;
            }
            if (answers)
            {
                return true;
            }
            if (began.Elapsed > part.ReadyWithin)
            {
                throw new StackException($"not ready within {part.ReadyWithin.TotalSeconds} s");
            }
            await Task.Delay(ProbeInterval, clock, cancellationToken);
        }
    }

    private async Task<bool> ProbeAsync(Part part, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(ProbeTimeout);
        try
        {
            return await part.IsReady(bound.Token);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return false; // not answering is what not being ready looks like
        }
    }

    private async Task StopAfterAsync(Part part, IReadOnlyList<Task> dependents)
    {
        await Task.WhenAll(dependents);
        if (PartProcess.Find(run, part.Name) is { } process)
        {
            var began = Stopwatch.StartNew();
            var how = await StopAsync(part, process);
            say(Line(part, how, $"{began.ElapsedMilliseconds,6} ms"));
        }
        File.Delete(run.PidFile(part.Name));
        File.Delete(run.StartFile(part.Name));
    }

    private async Task<string> StopAsync(Part part, PartProcess process)
    {
        Signals.Send(process.Pid, part.StopSignal);
        if (await HasEndedAsync(part, process, part.StopWithin))
        {
            return "stopped";
        }
        Signals.Send(process.Pid, Signals.Kill);
        return await HasEndedAsync(part, process, part.StopWithin)
            ? "killed"
            : throw new StackException($"{part.Name}: process {process.Pid} survives SIGKILL");
    }

    private async Task<bool> HasEndedAsync(Part part, PartProcess process, TimeSpan within)
    {
        var began = Stopwatch.StartNew();
        while (process.IsAlive(run, part.Name))
        {
            if (began.Elapsed > within)
            {
                return false;
            }
            await Task.Delay(ProbeInterval, clock);
        }
        return true;
    }

    private IEnumerable<string> LogTail(Part part, long from)
    {
        if (!File.Exists(run.LogFile(part.Name)))
        {
            return [];
        }
        using var log = new FileStream(run.LogFile(part.Name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        log.Seek(Math.Min(from, log.Length), SeekOrigin.Begin);
        return new StreamReader(log).ReadToEnd().TrimEnd().Split('\n').TakeLast(LogTailLines).ToList();
    }

    private string Addresses(Part part) =>
        string.Join(' ', part.Ports.Select(run.Endpoints.Find));

    private static string Line(Part part, string what, string detail) => $"  {part.Name,-9} {what,-12} {detail}";
}

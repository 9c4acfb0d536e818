namespace DevStack.Supervision;

/// <summary>
/// Starts and stops the components of one stack, and tells their states. It is no daemon: it works during one command
/// only.
/// <para>Concurrency: one task for each component; a task waits for the tasks of its dependencies. The caller holds
/// <see cref="RunDirectory.Lock"/>, so that no second <c>up</c> or <c>down</c> works on the same processes.
/// <see cref="StatusAsync"/> changes nothing and needs no lock.</para>
/// <para>Lifecycle: the processes outlive the supervisor. The next one finds them by their pid files.</para>
/// <para>Invariants: a component starts only after everything on which it depends is ready, and stops only after
/// everything that depends on it has stopped. A process that runs from an outdated build or with outdated settings is
/// restarted, every other one is left alone. A signal goes only to a process that the supervisor's files
/// identify.</para>
/// <para>Bounds: 5 s for a probe, <see cref="Component.ReadyWithin"/> for a start, <see cref="Component.StopWithin"/>
/// for a stop and once more after SIGKILL.</para>
/// </summary>
/// <param name="checkoutRoot">The root of the checkout whose published programs run.</param>
/// <param name="writeLine">Gets the progress, line by line.</param>
public sealed class Supervisor(
    RunDirectory run,
    IReadOnlyList<Component> components,
    string checkoutRoot,
    TimeProvider timeProvider,
    Action<string> writeLine)
{
    private const int LogTailLines = 20;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Starts what does not run and restarts what runs from an outdated build or with outdated settings. A component
    /// starts as soon as its dependencies are ready.
    /// </summary>
    /// <returns>
    /// Whether all are ready. For a component that fails, the end of its log is written; components that do not depend
    /// on it start nevertheless.
    /// </returns>
    public async Task<bool> UpAsync(CancellationToken cancellationToken)
    {
        foreach (var component in components.Where(c => ComponentProcess.Find(run, c.Name) is null))
        {
            foreach (var endpoint in component.EndpointNames) run.Endpoints.Reserve(endpoint);
        }

        var up = new Dictionary<string, Task<bool>>();
        foreach (var component in components)
        {
            var dependencies = component.DependsOn.Select(name => up[name]).ToList();
            up[component.Name] = StartAfterAsync(component, dependencies, cancellationToken);
        }

        return (await Task.WhenAll(up.Values)).All(isReady => isReady);
    }

    /// <summary>
    /// Starts one component that does not run and waits until it is ready. Does not check its dependencies.
    /// </summary>
    /// <exception cref="StackException">Its process has ended, or was not ready in time.</exception>
    public Task StartAsync(string name, CancellationToken cancellationToken) =>
        StartAsync(components.Single(component => component.Name == name), cancellationToken);

    /// <summary>Stops every component after its dependents, and gives each the time to finish its work.</summary>
    public async Task DownAsync()
    {
        var down = new Dictionary<string, Task>();
        foreach (var component in components.Reverse())
        {
            var dependents = components.Where(c => c.DependsOn.Contains(component.Name));
            down[component.Name] = StopAfterAsync(component, dependents.Select(c => down[c.Name]).ToList());
        }

        await Task.WhenAll(down.Values);
    }

    /// <summary>The state of every component.</summary>
    public async Task<IReadOnlyList<ComponentStatus>> StatusAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(components.Select(async component =>
        {
            if (ComponentProcess.Find(run, component.Name) is not { } process)
            {
                var state = File.Exists(run.PidFile(component.Name)) ? ComponentState.Died : ComponentState.Stopped;
                return new ComponentStatus(component, state, null);
            }

            var isReady = await ProbeAsync(component, cancellationToken);
            return new ComponentStatus(component, isReady ? ComponentState.Ready : ComponentState.Unready, process);
        }));

    private async Task<bool> StartAfterAsync(
        Component component, IReadOnlyList<Task<bool>> dependencies, CancellationToken cancellationToken)
    {
        if (!(await Task.WhenAll(dependencies)).All(isReady => isReady))
        {
            WriteLine(component, "not started", $"needs {string.Join(", ", component.DependsOn)}");
            return false;
        }

        var logStart = new FileInfo(run.LogFile(component.Name)) is { Exists: true } log ? log.Length : 0;
        try
        {
            await StartAsync(component, cancellationToken);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            WriteLine(component, "FAILED", e is StackException ? e.Message : e.ToString());
            foreach (var line in LogTail(component, logStart)) writeLine($"    | {line}");
            return false;
        }
    }

    private async Task StartAsync(Component component, CancellationToken cancellationToken)
    {
        var started = timeProvider.GetTimestamp();
        var build = component.Project is null ? null : new BuildOutput(checkoutRoot, component.Project);
        // A start file changes with every start of its component.
        string Digest() => RunDirectory.LaunchDigest(component.Launch(),
            [build?.Digest() ?? "", .. component.RestartsWith.Select(name => File.ReadAllText(run.StartFile(name)))]);

        var running = ComponentProcess.Find(run, component.Name);
        if (running is not null && running.LaunchDigest != Digest())
        {
            WriteLine(component, "restarting", "its program, its settings or a component below it has changed");
            await StopAsync(component, running);
            running = null;
        }

        var outcome = "runs already";
        if (running is null || !await BecomesReadyAsync(component, cancellationToken))
        {
            outcome = "ready";
            await component.Prepare(cancellationToken);
            build?.CopyTo(run.Programs(component.Name));
            ComponentProcess.Start(run, component.Name, component.Launch(), Digest());
            if (!await BecomesReadyAsync(component, cancellationToken))
            {
                throw new StackException($"its process ended after {ElapsedMs(started)} ms");
            }
        }

        await component.WhenReady(cancellationToken);
        var addresses = string.Join(' ', component.EndpointNames.Select(run.Endpoints.Find));
        WriteLine(component, outcome, $"{ElapsedMs(started),6} ms  {addresses}");
    }

    /// <returns>
    /// False if its process has ended. A process that was killed a moment ago may still be found first.
    /// </returns>
    private async Task<bool> BecomesReadyAsync(Component component, CancellationToken cancellationToken)
    {
        var started = timeProvider.GetTimestamp();
        while (true)
        {
            var isReady = await ProbeAsync(component, cancellationToken);
            // A new process writes its pid file first. Without that file it has not started yet, so it cannot have
            // ended.
            var hasStarted = File.Exists(run.PidFile(component.Name));
            if (hasStarted && ComponentProcess.Find(run, component.Name) is null) return false;
            if (isReady) return true;
            if (timeProvider.GetElapsedTime(started) > component.ReadyWithin)
            {
                throw new StackException($"not ready within {component.ReadyWithin.TotalSeconds} s");
            }

            await Task.Delay(ProbeInterval, timeProvider, cancellationToken);
        }
    }

    private static async Task<bool> ProbeAsync(Component component, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(ProbeTimeout);
        try
        {
            return await component.IsReady(timeout.Token);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task StopAfterAsync(Component component, IReadOnlyList<Task> dependents)
    {
        await Task.WhenAll(dependents);
        if (ComponentProcess.Find(run, component.Name) is { } process)
        {
            var started = timeProvider.GetTimestamp();
            var outcome = await StopAsync(component, process);
            WriteLine(component, outcome, $"{ElapsedMs(started),6} ms");
        }

        File.Delete(run.PidFile(component.Name));
        File.Delete(run.StartFile(component.Name));
    }

    private async Task<string> StopAsync(Component component, ComponentProcess process)
    {
        Signals.Send(process.Pid, component.StopSignal);
        if (await EndsAsync(component, process)) return "stopped";
        Signals.Send(process.Pid, Signals.Kill);
        if (await EndsAsync(component, process)) return "killed";
        throw new StackException($"{component.Name}: process {process.Pid} survives SIGKILL");
    }

    /// <returns>False if it still runs after <see cref="Component.StopWithin"/>.</returns>
    private async Task<bool> EndsAsync(Component component, ComponentProcess process)
    {
        var started = timeProvider.GetTimestamp();
        while (process.IsAlive(run, component.Name))
        {
            if (timeProvider.GetElapsedTime(started) > component.StopWithin) return false;
            await Task.Delay(ProbeInterval, timeProvider);
        }

        return true;
    }

    private IEnumerable<string> LogTail(Component component, long from)
    {
        var file = run.LogFile(component.Name);
        if (!File.Exists(file)) return [];
        using var log = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        log.Seek(Math.Min(from, log.Length), SeekOrigin.Begin);
        return new StreamReader(log).ReadToEnd().TrimEnd().Split('\n').TakeLast(LogTailLines).ToList();
    }

    private long ElapsedMs(long started) => (long)timeProvider.GetElapsedTime(started).TotalMilliseconds;

    private void WriteLine(Component component, string outcome, string detail) =>
        writeLine($"  {component.Name,-9} {outcome,-12} {detail}");
}

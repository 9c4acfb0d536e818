namespace DevStack.Supervision;

/// <summary>
/// How to start a process: its command line, and the variables that it gets besides the inherited ones.
/// </summary>
public sealed record Launch(IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment)
{
    public Launch(params string[] command) : this(command, new Dictionary<string, string>())
    {
    }
}

/// <summary>
/// One process of the stack: how to start it, and how to see that it is ready. Command lines and probes are functions
/// because they contain addresses, and an address is known only once the component's ports are reserved.
/// </summary>
/// <param name="Name">The name of its pid file, of its log and of its line in <c>status</c>.</param>
/// <param name="DependsOn">The components that must be ready before this one starts.</param>
public sealed record Component(string Name, params string[] DependsOn)
{
    /// <summary>The endpoints on which it listens. The supervisor reserves a private port for each.</summary>
    public IReadOnlyList<string> EndpointNames { get; init; } = [];

    /// <summary>
    /// The components that keep their data in memory only: this one restarts whenever one of them restarts.
    /// </summary>
    public IReadOnlyList<string> RestartsWith { get; init; } = [];

    /// <summary>The project under src/ whose published program it runs; null for a program of the system.</summary>
    public string? Project { get; init; }

    public required Func<Launch> Launch { get; init; }

    /// <summary>Runs before the process starts, for example to create a data directory.</summary>
    public Func<CancellationToken, Task> Prepare { get; init; } = _ => Task.CompletedTask;

    /// <summary>Whether it is ready to work. An exception or a timeout means: not ready.</summary>
    public required Func<CancellationToken, Task<bool>> IsReady { get; init; }

    /// <summary>Runs every time that <c>up</c> finds the component ready, before its dependents start.</summary>
    public Func<CancellationToken, Task> WhenReady { get; init; } = _ => Task.CompletedTask;

    public TimeSpan ReadyWithin { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The signal that asks it to finish its work and to stop.</summary>
    public int StopSignal { get; init; } = Signals.Term;

    /// <summary>How long it may take to stop; then it is killed.</summary>
    public TimeSpan StopWithin { get; init; } = TimeSpan.FromSeconds(20);
}

public enum ComponentState
{
    /// <summary>It was never started, or <c>down</c> has stopped it.</summary>
    Stopped,

    /// <summary>It was started, and its process has ended.</summary>
    Died,

    /// <summary>Its process runs, but its probe fails.</summary>
    Unready,

    /// <summary>Its process runs, and its probe succeeds.</summary>
    Ready,
}

/// <param name="Process">Null unless it runs.</param>
public sealed record ComponentStatus(Component Component, ComponentState State, ComponentProcess? Process);

/// <summary>An error that the user can understand and fix. It is shown without a stack trace.</summary>
public sealed class StackException(string message) : Exception(message);

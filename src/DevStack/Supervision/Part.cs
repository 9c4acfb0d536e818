namespace DevStack.Supervision;

/// <summary>How to start a process: its command line, and what is added to the inherited environment.</summary>
public sealed record Launch(IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Environment)
{
    public Launch(params string[] command) : this(command, new Dictionary<string, string>())
    {
    }
}

/// <summary>One process of the stack. Everything about it is asked for when it is needed, not earlier:
/// a command line names addresses that may be known only once the parts before it run.</summary>
/// <param name="Name">The name of its pid file, its log and its line in <c>status</c>.</param>
/// <param name="DependsOn">The parts which must be ready before it is started.</param>
public sealed record Part(string Name, params string[] DependsOn)
{
    /// <summary>The endpoints that it listens on; a private port is chosen for each.</summary>
    public IReadOnlyList<string> Ports { get; init; } = [];

    /// <summary>The parts whose data ends with their process, so that this one must begin anew with each of theirs.</summary>
    public IReadOnlyList<string> RestartsWith { get; init; } = [];

    /// <summary>The project under src/ whose build output it runs; null for a program of the system.</summary>
    public string? Project { get; init; }

    public required Func<Launch> Launch { get; init; }

    /// <summary>What must be done before it starts: a data directory, for one.</summary>
    public Func<CancellationToken, Task> Prepare { get; init; } = _ => Task.CompletedTask;

    /// <summary>Whether it answers. May throw: not answering at all is no more than not being ready.</summary>
    public required Func<CancellationToken, Task<bool>> IsReady { get; init; }

    /// <summary>What is done each time when it is found ready, and must be done before its dependents start.</summary>
    public Func<CancellationToken, Task> WhenReady { get; init; } = _ => Task.CompletedTask;

    public TimeSpan ReadyWithin { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What asks it to finish what it has begun and to stop.</summary>
    public int StopSignal { get; init; } = Signals.Term;

    /// <summary>How long it may take over that before it is killed.</summary>
    public TimeSpan StopWithin { get; init; } = TimeSpan.FromSeconds(20);
}

namespace DevStack.Supervision;

public enum PartState
{
    /// <summary>It was not started, or stopped by <c>down</c>.</summary>
    Stopped,
    /// <summary>It was started, and its process is gone.</summary>
    Died,
    /// <summary>Its process runs, and does not answer.</summary>
    Unready,
    Ready,
}

/// <param name="Process">Null unless it runs.</param>
public sealed record PartStatus(Part Part, PartState State, PartProcess? Process);

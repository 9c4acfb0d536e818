namespace Grpc.Core;

/// <summary>What a call made on behalf of another one inherits; immutable.</summary>
public class ContextPropagationOptions
{
    /// <summary>Deadline and cancellation are both inherited.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Creates options.</summary>
    public ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
    {
        IsPropagateDeadline = propagateDeadline;
        IsPropagateCancellation = propagateCancellation;
    }

    /// <summary>Whether the deadline is inherited.</summary>
    public bool IsPropagateDeadline { get; }

    /// <summary>Whether cancellation is inherited.</summary>
    public bool IsPropagateCancellation { get; }
}

/// <summary>
/// What of a server's call is handed on to a call made on its behalf. Opaque: a server creates it and a client of the same
/// implementation understands it. ASP.NET Core's server creates none.
/// </summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}

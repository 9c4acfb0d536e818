namespace Pipelines.Sockets.Unofficial.Arenas;

/// <summary>Makes one value of another.</summary>
public delegate TResult Projection<T, TResult>(in T value);

/// <summary>Makes one value of another and of what the caller passes along.</summary>
public delegate TResult Projection<T, TState, TResult>(in T value, in TState state);

/// <summary>Copies runs, element by element.</summary>
public static class SequenceExtensions
{
    /// <summary>An array of what the projection makes of each element.</summary>
    public static TTo[] ToArray<TFrom, TTo>(this in Sequence<TFrom> source, Projection<TFrom, TTo> projection)
    {
        if (source.IsEmpty) return [];
        var target = new TTo[source.Length];
        source.CopyTo(target, projection);
        return target;
    }

    /// <summary>An array of what the projection makes of each element and the state.</summary>
    public static TTo[] ToArray<TFrom, TState, TTo>(
        this in Sequence<TFrom> source, Projection<TFrom, TState, TTo> projection, in TState state)
    {
        if (source.IsEmpty) return [];
        var from = source.FirstSpan;
        var target = new TTo[from.Length];
        for (var i = 0; i < from.Length; i++) target[i] = projection(in from[i], in state);
        return target;
    }

    /// <summary>Writes what the projection makes of each element.</summary>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public static void CopyTo<TFrom, TTo>(
        this in Sequence<TFrom> source, Span<TTo> destination, Projection<TFrom, TTo> projection)
    {
        var from = source.FirstSpan;
        if (from.Length > destination.Length) throw new ArgumentException("Too short for the run.", nameof(destination));
        for (var i = 0; i < from.Length; i++) destination[i] = projection(in from[i]);
    }
}

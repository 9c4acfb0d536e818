using System.Collections;

namespace Pipelines.Sockets.Unofficial;

/// <summary>Walks the targets of a multicast delegate without allocating.</summary>
public static class Delegates
{
    /// <summary>Whether there is exactly one target.</summary>
    public static bool IsSingle(this MulticastDelegate handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return handler.HasSingleTarget;
    }

    /// <summary>The targets in the order in which they were added; none for null.</summary>
    public static DelegateEnumerable<T> AsEnumerable<T>(this T handler)
        where T : MulticastDelegate => new(handler);

    /// <summary>The targets of a delegate, for <c>foreach</c>.</summary>
    public readonly struct DelegateEnumerable<T>
        where T : MulticastDelegate
    {
        private readonly T? _handler;

        internal DelegateEnumerable(T? handler) => _handler = handler;

        /// <summary>Starts before the first target.</summary>
        public DelegateEnumerator<T> GetEnumerator() => new(_handler);
    }

    /// <summary>
    /// A position in the targets of a delegate. Compiled consumers dispose it by way of its interface, which no reference of theirs
    /// shows: without the interface they fail when they run.
    /// </summary>
    public struct DelegateEnumerator<T> : IEnumerator<T>
        where T : MulticastDelegate
    {
        private Delegate.InvocationListEnumerator<T> _targets;

        internal DelegateEnumerator(T? handler) => _targets = Delegate.EnumerateInvocationList(handler);

        /// <summary>The target at this position.</summary>
        public readonly T Current => _targets.Current;

        readonly object IEnumerator.Current => Current;

        /// <summary>Goes on to the next target; false past the last.</summary>
        public bool MoveNext() => _targets.MoveNext();

        /// <summary>Does nothing.</summary>
        public readonly void Dispose()
        {
        }

        void IEnumerator.Reset() => throw new NotSupportedException();
    }
}

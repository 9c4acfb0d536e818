using System.Runtime.InteropServices;

namespace Pipelines.Sockets.Unofficial.Arenas;

/// <summary>A run of an arena's elements. Valid until the arena is reset. Always one segment here.</summary>
[StructLayout(LayoutKind.Auto)]
public readonly struct Sequence<T>
{
    private readonly T[]? _block;
    private readonly int _start;
    private readonly int _length;

    internal Sequence(T[]? block, int start, int length)
    {
        _block = block;
        _start = start;
        _length = length;
    }

    /// <summary>How many elements there are.</summary>
    public long Length => _length;

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _length == 0;

    /// <summary>Whether <see cref="FirstSpan"/> is all of it.</summary>
    public bool IsSingleSegment => true;

    /// <summary>The elements.</summary>
    public Span<T> FirstSpan => new(_block, _start, _length);

    /// <summary>The elements, a span for each segment.</summary>
    public SpanEnumerable Spans => new(this);

    /// <summary>The element at an index.</summary>
    /// <exception cref="IndexOutOfRangeException">There is no such element.</exception>
    public ref T this[int index]
    {
        get
        {
            if ((uint)index >= (uint)_length) throw new IndexOutOfRangeException();
            return ref _block![_start + index];
        }
    }

    /// <summary>Starts before the first element.</summary>
    public Enumerator GetEnumerator() => new(_block, _start, _length);

    /// <summary>The run without its type.</summary>
    public Sequence Untyped() => new(_block, _start, _length);

    /// <summary>A position in a run.</summary>
    public struct Enumerator
    {
        private readonly T[]? _block;
        private readonly int _end;
        private int _at;

        internal Enumerator(T[]? block, int start, int length)
        {
            _block = block;
            _at = start - 1;
            _end = start + length;
        }

        /// <summary>The element at this position.</summary>
        public readonly ref T Current => ref _block![_at];

        /// <summary>Goes on to the next element; false past the last.</summary>
        public bool MoveNext() => ++_at < _end;

        /// <summary>Goes on to the next element, which there must be.</summary>
        /// <exception cref="IndexOutOfRangeException">There is none.</exception>
        public ref T GetNext()
        {
            if (!MoveNext()) throw new IndexOutOfRangeException();
            return ref _block![_at];
        }
    }

    /// <summary>The segments of a run, for <c>foreach</c>.</summary>
    public readonly ref struct SpanEnumerable
    {
        private readonly Sequence<T> _run;

        internal SpanEnumerable(Sequence<T> run) => _run = run;

        /// <summary>Starts before the first segment.</summary>
        public SpanEnumerator GetEnumerator() => new(_run);
    }

    /// <summary>A position in the segments of a run.</summary>
    public ref struct SpanEnumerator
    {
        private readonly Sequence<T> _run;
        private bool _started;

        internal SpanEnumerator(Sequence<T> run) => _run = run;

        /// <summary>The segment at this position.</summary>
        public readonly Span<T> Current => _run.FirstSpan;

        /// <summary>Goes on to the next segment; false past the last.</summary>
        public bool MoveNext()
        {
            if (_started || _run.IsEmpty) return false;
            return _started = true;
        }
    }
}

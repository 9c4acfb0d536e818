using System.Runtime.CompilerServices;

namespace Pipelines.Sockets.Unofficial.Arenas;

/// <summary>
/// Hands out runs of elements that live until the next <see cref="Reset"/>. A run never crosses a block: one that does not fit
/// opens a block that it does fit. For one thread at a time.
/// </summary>
public sealed class Arena<T> : IDisposable
{
    private const int BlockBytesDefault = 32 * 1024;

    private readonly Allocator<T> _allocator;
    private readonly int _blockLength;
    private readonly Func<long, long, long>? _retention;
    private readonly List<T[]> _full = [];
    private readonly List<int> _fullUsed = [];
    private T[] _block = [];
    private int _used;
    private bool _disposed;

    /// <summary>An arena with no block yet.</summary>
    /// <param name="options">Null for the default ones.</param>
    /// <param name="allocator">Where blocks come from; null for a pool.</param>
    public Arena(ArenaOptions? options = null, Allocator<T>? allocator = null)
    {
        _allocator = allocator ?? PooledAllocator<T>.Shared;
        _retention = options?.RetentionPolicy;
        var bytes = options is { BlockSizeBytes: > 0 } ? options.BlockSizeBytes : BlockBytesDefault;
        _blockLength = Math.Max(1, bytes / Unsafe.SizeOf<T>());
    }

    /// <summary>A run of so many elements, each of them the default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    /// <exception cref="ObjectDisposedException">The arena is disposed.</exception>
    public Sequence<T> Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (length == 0) return default;
        if (_block.Length - _used < length) OpenBlock(length);
        var run = new Sequence<T>(_block, _used, length);
        _used += length;
        return run;
    }

    /// <summary>Takes every run back. Their elements are cleared, so that the arena keeps nothing alive.</summary>
    public void Reset()
    {
        if (_full.Count == 0)
        {
            Array.Clear(_block, 0, _used);
            _used = 0;
            return;
        }

        long used = _used;
        foreach (var block in _fullUsed) used += block;
        ReleaseAll();

        // The next batch may be as large as this one, so one block for all of it; a single huge reply leaves nothing behind.
        var keep = _retention is null
            ? Math.Min(used, 4L * _blockLength)
            : _retention(_blockLength * (long)Unsafe.SizeOf<T>(), used * Unsafe.SizeOf<T>()) / Unsafe.SizeOf<T>();
        if (keep > _blockLength) _block = _allocator.Rent((int)Math.Min(keep, Array.MaxLength));
    }

    /// <summary>Gives the memory back. Runs must not be used any more.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        ReleaseAll();
    }

    private void OpenBlock(int lengthMin)
    {
        if (_block.Length > 0)
        {
            _full.Add(_block);
            _fullUsed.Add(_used);
        }

        _block = _allocator.Rent(Math.Max(lengthMin, _blockLength));
        _used = 0;
    }

    private void ReleaseAll()
    {
        for (var i = 0; i < _full.Count; i++) Release(_full[i], _fullUsed[i]);
        _full.Clear();
        _fullUsed.Clear();
        Release(_block, _used);
        _block = [];
        _used = 0;
    }

    private void Release(T[] block, int used)
    {
        if (block.Length == 0) return;
        Array.Clear(block, 0, used);
        _allocator.Return(block);
    }
}

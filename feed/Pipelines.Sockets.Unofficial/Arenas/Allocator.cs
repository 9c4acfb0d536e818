using System.Buffers;

namespace Pipelines.Sockets.Unofficial.Arenas;

/// <summary>Where an arena's blocks come from.</summary>
public abstract class Allocator<T>
{
    private protected Allocator()
    {
    }

    /// <summary>A block of at least so many elements, each of them the default.</summary>
    internal abstract T[] Rent(int length);

    /// <summary>Takes back a block whose elements are the default again.</summary>
    internal abstract void Return(T[] block);
}

/// <summary>Blocks from a pool that is private to the element type's arenas: nobody else leaves anything in them.</summary>
internal sealed class PooledAllocator<T> : Allocator<T>
{
    // A reply of many elements may need a block of some MB; larger ones are the collector's.
    private const int PooledLengthMax = 256 * 1024;
    private const int PooledBlocksMax = 32;

    internal static readonly PooledAllocator<T> Shared = new();

    private readonly ArrayPool<T> _pool = ArrayPool<T>.Create(PooledLengthMax, PooledBlocksMax);

    internal override T[] Rent(int length) => length <= PooledLengthMax ? _pool.Rent(length) : new T[length];

    internal override void Return(T[] block)
    {
        if (block.Length <= PooledLengthMax) _pool.Return(block);
    }
}

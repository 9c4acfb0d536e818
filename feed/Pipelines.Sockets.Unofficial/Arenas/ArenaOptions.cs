namespace Pipelines.Sockets.Unofficial.Arenas;

/// <summary>Preferences about memory; none applies to elements that hold references, the only ones used here.</summary>
[Flags]
public enum ArenaFlags
{
    /// <summary>No preference.</summary>
    None = 0,
}

/// <summary>How an arena gets and keeps memory.</summary>
public sealed class ArenaOptions
{
    /// <summary>Sets all of them.</summary>
    /// <param name="flags">Preferences about memory.</param>
    /// <param name="blockSizeBytes">Size of a block; 0 leaves it to the arena.</param>
    /// <param name="retentionPolicy">
    /// Given the bytes kept so far and the bytes used since the last reset, says how many to keep; null leaves it to the arena.
    /// </param>
    public ArenaOptions(ArenaFlags flags = ArenaFlags.None, int blockSizeBytes = 0, Func<long, long, long>? retentionPolicy = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(blockSizeBytes);
        Flags = flags;
        BlockSizeBytes = blockSizeBytes;
        RetentionPolicy = retentionPolicy;
    }

    /// <summary>Preferences about memory.</summary>
    public ArenaFlags Flags { get; }

    /// <summary>Size of a block; 0 leaves it to the arena.</summary>
    public int BlockSizeBytes { get; }

    /// <summary>How many bytes a reset keeps; null leaves it to the arena.</summary>
    public Func<long, long, long>? RetentionPolicy { get; }
}

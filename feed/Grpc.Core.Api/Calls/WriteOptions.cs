namespace Grpc.Core;

/// <summary>How messages of a call are written; immutable.</summary>
public class WriteOptions
{
    /// <summary>Without flags.</summary>
    public static readonly WriteOptions Default = new();

    /// <summary>Creates options with flags.</summary>
    public WriteOptions(WriteFlags flags = default) => Flags = flags;

    /// <summary>The flags.</summary>
    public WriteFlags Flags { get; }
}

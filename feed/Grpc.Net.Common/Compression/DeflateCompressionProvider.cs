using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>The encoding <c>deflate</c>: as in HTTP, the format of RFC 1950 (zlib) around that of RFC 1951.</summary>
public sealed class DeflateCompressionProvider : ICompressionProvider
{
    // RFC 1950: a header (deflate, a window of 32 KiB, the default level), an empty final block, the Adler-32 of nothing.
    private static readonly byte[] NothingCompressed = [0x78, 0x9c, 3, 0, 0, 0, 0, 1];

    private readonly CompressionLevel defaultLevel;

    /// <summary>Creates a provider with the level of calls that name none.</summary>
    public DeflateCompressionProvider(CompressionLevel defaultCompressionLevel) => defaultLevel = defaultCompressionLevel;

    /// <inheritdoc />
    public string EncodingName => "deflate";

    /// <inheritdoc />
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel)
    {
        var level = compressionLevel ?? defaultLevel;
        return new MessageCompressionStream(stream, to => new ZLibStream(to, level, leaveOpen: true), NothingCompressed);
    }

    /// <inheritdoc />
    public Stream CreateDecompressionStream(Stream stream) => new ZLibStream(stream, CompressionMode.Decompress, leaveOpen: true);
}

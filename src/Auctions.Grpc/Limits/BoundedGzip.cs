using System.Buffers.Binary;
using System.IO.Compression;
using Auctions.Hosting;
using Grpc.Net.Compression;

namespace Auctions.Grpc;

/// <summary>
/// Decompresses messages up to the limit that holds for uncompressed ones. The gRPC package knows no limit here:
/// 256 KiB may become 256 MiB.
/// </summary>
internal sealed class BoundedGzip : ICompressionProvider
{
    /// <summary>The one compression that clients may use.</summary>
    public const string Name = "gzip";

    public string EncodingName => Name;

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? CompressionLevel.Fastest, leaveOpen: true);

    public Stream CreateDecompressionStream(Stream stream) => new BoundedStream(stream);

    /// <summary>What the gRPC package copies the message from.</summary>
    private sealed class BoundedStream : Stream
    {
        private readonly TailStream _compressed;
        private readonly GZipStream _gzip;
        private long _length;

        public BoundedStream(Stream compressed)
        {
            _compressed = new TailStream(compressed);
            _gzip = new GZipStream(_compressed, CompressionMode.Decompress);
        }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => _length;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            try
            {
                var read = _gzip.Read(buffer, offset, count);
                _length += read;
                if (_length > ListenOptions.MaxMessageBytes)
                {
                    throw RpcErrors.MessageInvalid(
                        $"A decompressed message must have at most {ListenOptions.MaxMessageBytes} bytes.");
                }

                // The library does not notice that the end is missing. A gzip stream ends with its content's length.
                return read > 0 || _compressed.Tail == _length ? read : throw new InvalidDataException();
            }
            catch (InvalidDataException)
            {
                throw RpcErrors.MessageInvalid("The message cannot be decompressed.");
            }
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) _gzip.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>Knows the last four bytes that were read of another stream.</summary>
    private sealed class TailStream(Stream source) : Stream
    {
        private readonly byte[] _tail = new byte[4];

        /// <summary>As the number that ends a gzip stream.</summary>
        public uint Tail => BinaryPrimitives.ReadUInt32LittleEndian(_tail);

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = source.Read(buffer, offset, count);
            foreach (var octet in buffer.AsSpan(offset + Math.Max(0, read - 4), Math.Min(4, read)))
            {
                _tail.AsSpan(1).CopyTo(_tail);
                _tail[3] = octet;
            }

            return read;
        }

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

namespace Grpc.Net.Compression;

/// <summary>
/// Compresses one message. The runtime's streams emit nothing at all for a message without bytes, and no bytes are not a valid
/// compressed stream: other implementations, grpc-js for one, fail on them. So the compressor begins with the first byte, and a
/// message without any gets the valid form of nothing. The destination is left open.
/// </summary>
internal sealed class MessageCompressionStream(
    Stream destination,
    Func<Stream, Stream> createCompressor,
    byte[] nothingCompressed) : Stream
{
    private Stream? compressor;
    private bool disposed;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => !disposed;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (!buffer.IsEmpty)
        {
            Compressor().Write(buffer);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return buffer.IsEmpty ? ValueTask.CompletedTask : Compressor().WriteAsync(buffer, cancellationToken);
    }

    public override void Flush() => compressor?.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        compressor?.FlushAsync(cancellationToken) ?? Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        await (compressor?.DisposeAsync() ?? destination.WriteAsync(nothingCompressed)).ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (!disposing || disposed)
        {
            return;
        }

        disposed = true;
        if (compressor is null)
        {
            destination.Write(nothingCompressed);
        }
        else
        {
            compressor.Dispose();
        }
    }

    private Stream Compressor() => compressor ??= createCompressor(destination);
}

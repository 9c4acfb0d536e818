using System.Buffers;

namespace Pipelines.Sockets.Unofficial;

/// <summary>Bytes over a stream, TLS as a rule.</summary>
internal sealed class StreamTransport : Transport
{
    private readonly Stream _stream;

    internal StreamTransport(Stream stream) => _stream = stream;

    internal override ValueTask<int> ReceiveAsync(Memory<byte> buffer) => _stream.ReadAsync(buffer);

    internal override ValueTask<long> SendAsync(in ReadOnlySequence<byte> buffer)
    {
        var piece = FirstPiece(buffer);
        var writing = _stream.WriteAsync(piece);
        return writing.IsCompletedSuccessfully ? new ValueTask<long>(piece.Length) : Count(writing, piece.Length);

        static async ValueTask<long> Count(ValueTask writing, long bytes)
        {
            await writing.ConfigureAwait(false);
            return bytes;
        }
    }

    internal override ValueTask FlushAsync() => new(_stream.FlushAsync());

    internal override void EndSending()
    {
        // A stream has no half-close.
    }

    public override void Dispose() => _stream.Dispose();

    private static ReadOnlyMemory<byte> FirstPiece(in ReadOnlySequence<byte> buffer)
    {
        foreach (var piece in buffer)
        {
            if (!piece.IsEmpty) return piece;
        }

        return default;
    }
}

using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;

namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>Writes base64 for what it is given. Every flush ends a padded stretch, so that a frame can be read once it is sent.</summary>
internal sealed class Base64PipeWriter(PipeWriter inner) : PipeWriter
{
    private readonly ArrayBufferWriter<byte> _plain = new();

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes + _plain.WrittenCount;

    public override void Advance(int bytes) => _plain.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => _plain.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _plain.GetSpan(sizeHint);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Encode();
        return inner.FlushAsync(cancellationToken);
    }

    public override void Complete(Exception? exception = null)
    {
        Encode();
        inner.Complete(exception);
    }

    private void Encode()
    {
        if (_plain.WrittenCount == 0) return;
        var text = inner.GetSpan(Base64.GetMaxEncodedToUtf8Length(_plain.WrittenCount));
        Base64.EncodeToUtf8(_plain.WrittenSpan, text, out _, out var written);
        inner.Advance(written);
        _plain.ResetWrittenCount();
    }
}

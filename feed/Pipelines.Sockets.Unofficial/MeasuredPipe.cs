using System.Buffers;
using System.IO.Pipelines;

namespace Pipelines.Sockets.Unofficial;

/// <summary>The user's end of the input: counts what was consumed.</summary>
internal sealed class MeasuredReader : PipeReader
{
    private readonly PipeReader _inner;
    private readonly Action<Exception?> _onCompleted;
    private SequencePosition _readFrom;
    private long _consumed;

    internal MeasuredReader(PipeReader inner, Action<Exception?> onCompleted)
    {
        _inner = inner;
        _onCompleted = onCompleted;
    }

    /// <summary>Bytes that the user is done with.</summary>
    internal long Consumed => Volatile.Read(ref _consumed);

    public override bool TryRead(out ReadResult result)
    {
        if (!_inner.TryRead(out result)) return false;
        _readFrom = result.Buffer.Start;
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var reading = _inner.ReadAsync(cancellationToken);
        if (!reading.IsCompletedSuccessfully) return Remember(reading);
        var result = reading.Result;
        _readFrom = result.Buffer.Start;
        return new ValueTask<ReadResult>(result);
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        // Before the pipe reuses the segments that the positions are in.
        Volatile.Write(ref _consumed, _consumed + Absolute(consumed) - Absolute(_readFrom));
        _readFrom = default;
        _inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => _inner.CancelPendingRead();

    public override void Complete(Exception? exception = null)
    {
        _onCompleted(exception);
        _inner.Complete(exception);
    }

    private async ValueTask<ReadResult> Remember(ValueTask<ReadResult> reading)
    {
        var result = await reading.ConfigureAwait(false);
        _readFrom = result.Buffer.Start;
        return result;
    }

    private static long Absolute(SequencePosition position) =>
        position.GetObject() is ReadOnlySequenceSegment<byte> segment
            ? segment.RunningIndex + position.GetInteger()
            : position.GetInteger();
}

/// <summary>The user's end of the output: counts what was written.</summary>
internal sealed class MeasuredWriter : PipeWriter
{
    private readonly PipeWriter _inner;
    private readonly Action<Exception?> _onCompleted;
    private long _written;

    internal MeasuredWriter(PipeWriter inner, Action<Exception?> onCompleted)
    {
        _inner = inner;
        _onCompleted = onCompleted;
    }

    /// <summary>Bytes that the user has written, flushed or not.</summary>
    internal long Written => Volatile.Read(ref _written);

    public override bool CanGetUnflushedBytes => _inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => _inner.UnflushedBytes;

    public override void Advance(int bytes)
    {
        _inner.Advance(bytes);
        Volatile.Write(ref _written, _written + bytes);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0) => _inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _inner.GetSpan(sizeHint);

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        _inner.FlushAsync(cancellationToken);

    public override void CancelPendingFlush() => _inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        _onCompleted(exception);
        _inner.Complete(exception);
    }
}

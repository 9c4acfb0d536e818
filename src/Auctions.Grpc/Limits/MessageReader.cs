using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Auctions.Hosting;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Auctions.Grpc;

/// <summary>
/// A request's body, which refuses what is not a sequence of gRPC messages: a flag other than 0 and 1, a length over
/// the limit, a compression that is unknown or not named, a message that is cut off or that does not arrive in time,
/// and a second message or none where there must be one.
/// <para>Concurrency: as any pipe, one reader at a time. A timer's thread ends a wait that lasts too long.</para>
/// <para>Lifecycle: one for each call.</para>
/// <para>Invariants: whole messages before a fault are handed out before it is reported, because each read looks only
/// at the message at its start. The gRPC package consumes whole messages, so a read always starts at one.</para>
/// <para>Bounds: never asks for more than one message of <see cref="ListenOptions.MaxMessageBytes"/>; waits at most for
/// the time that it was given, for a unary request or the rest of a message. Between the messages of a stream it waits
/// without a limit.</para>
/// </summary>
/// <param name="patience">How long a message may take to arrive.</param>
internal sealed class MessageReader(HttpContext http, MethodType type, TimeSpan patience, TimeProvider timeProvider)
    : PipeReader, IDisposable
{
    private const int PrefixLength = 5;

    private readonly PipeReader _body = http.Request.BodyReader;
    private readonly bool _single = type is MethodType.Unary or MethodType.ServerStreaming;
    private SequencePosition _start;
    private ITimer? _timer;

    /// <summary>When the request or the message must be complete; null while nothing is expected.</summary>
    private long? _began;

    private bool _taken, _partial;
    private volatile bool _late;

    /// <summary>Why the request was refused; null if it was not.</summary>
    public string? Refusal { get; private set; }

    public bool HasRefused => Refusal is not null;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ValueTask<ReadResult> read;
        try
        {
            read = _body.ReadAsync(cancellationToken);
        }
        catch (BadHttpRequestException fault)
        {
            throw Invalid(fault);
        }

        return read.IsCompletedSuccessfully
            ? new ValueTask<ReadResult>(Checked(read.Result))
            : WaitAsync(read);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!_body.TryRead(out result)) return false;
        result = Checked(result);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!consumed.Equals(_start))
        {
            (_taken, _partial) = (true, false);
            if (!_single) _began = null;
        }

        _body.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => _body.CancelPendingRead();

    public override void Complete(Exception? exception = null) => _body.Complete(exception);

    public void Dispose() => _timer?.Dispose();

    private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> read)
    {
        if (_single || _partial) StartTimer();
        try
        {
            return Checked(await read);
        }
        catch (BadHttpRequestException fault)
        {
            throw Invalid(fault);
        }
        finally
        {
            _timer?.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The time runs from the first wait for the request or the message, over all its reads.</summary>
    private void StartTimer()
    {
        _began ??= timeProvider.GetTimestamp();
        var left = patience - timeProvider.GetElapsedTime(_began.Value);
        _timer ??= timeProvider.CreateTimer(
            static reader => ((MessageReader)reader!).OnTimer(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _timer.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    private void OnTimer()
    {
        _late = true;
        _body.CancelPendingRead();
    }

    private ReadResult Checked(ReadResult result)
    {
        try
        {
            Check(result);
            return result;
        }
        catch (RpcException)
        {
            // The server reads what is left of the request, which it may not while this read is open.
            _body.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            throw;
        }
    }

    private void Check(ReadResult result)
    {
        if (result.IsCanceled && _late)
        {
            throw Refused(RpcErrors.Of(StatusCode.DeadlineExceeded, "REQUEST_INCOMPLETE",
                $"The request was not complete after {patience.TotalMilliseconds} ms."));
        }

        var buffer = result.Buffer;
        _start = buffer.Start;
        if (_single && _taken)
        {
            if (!buffer.IsEmpty) throw Invalid("There is data after the message, and this method takes one message.");
            return;
        }

        _partial = !buffer.IsEmpty;
        if (buffer.Length >= PrefixLength)
        {
            var length = CheckPrefix(buffer);
            _partial = buffer.Length < length;
            if (_single && buffer.Length > length)
                throw Invalid("There is data after the message, and this method takes one message.");
        }

        if (result.IsCompleted && (_partial || (_single && buffer.IsEmpty)))
            throw Invalid("The request ended before its message was complete.");
    }

    /// <returns>Bytes of the message with its prefix.</returns>
    private long CheckPrefix(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> prefix = stackalloc byte[PrefixLength];
        buffer.Slice(0, PrefixLength).CopyTo(prefix);
        if (prefix[0] > 1) throw Invalid($"A message's first byte must be 0 or 1, and is {prefix[0]}.");
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > ListenOptions.MaxMessageBytes) throw TooLong();
        if (prefix[0] == 1) CheckCompression();
        return PrefixLength + length;
    }

    private void CheckCompression()
    {
        var encoding = http.Request.Headers["grpc-encoding"].ToString();
        if (encoding is "" or "identity")
            throw Invalid("A message is compressed, and grpc-encoding does not say how.");
        if (encoding == BoundedGzip.Name) return;
        if (!http.Response.HasStarted) http.Response.Headers["grpc-accept-encoding"] = $"identity,{BoundedGzip.Name}";
        throw Refused(RpcErrors.Of(
            StatusCode.Unimplemented, "COMPRESSION_UNKNOWN", $"The only compression here is {BoundedGzip.Name}."));
    }

    private RpcException TooLong() =>
        Invalid($"A message must have at most {ListenOptions.MaxMessageBytes} bytes.");

    private RpcException Invalid(BadHttpRequestException fault) =>
        fault.StatusCode == StatusCodes.Status413PayloadTooLarge ? TooLong() : Invalid("The request is not complete.");

    private RpcException Invalid(string message) => Refused(RpcErrors.MessageInvalid(message));

    private RpcException Refused(RpcException error)
    {
        Refusal = error.Status.Detail;
        return error;
    }
}

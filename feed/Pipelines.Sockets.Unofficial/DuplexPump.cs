using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;

namespace Pipelines.Sockets.Unofficial;

/// <summary>
/// Moves bytes between a transport and two pipes, with a loop for each direction. The loops own their ends of the pipes and
/// complete them when they end; whoever ends first says why in <see cref="ShutdownKind"/>, and later reasons are dropped.
/// Back-pressure is the pipes': a full input stops the receiving, a full output makes the user's flush wait.
/// </summary>
internal sealed class DuplexPump : IDisposable
{
    // A receive that fills its buffer doubles the next one, up to this; one that leaves most of it empty halves it.
    private const int ReceiveBytesMin = 2 * 1024;
    private const int ReceiveBytesMax = 256 * 1024;

    private readonly Transport _transport;
    private readonly PipeWriter _received;
    private readonly PipeReader _toSend;
    private int _shutdownKind;
    private int _socketError;
    private int _lastReceived;
    private int _disposed;
    private long _bytesReceived;
    private long _bytesSent;

    internal DuplexPump(Transport transport, PipeOptions sendOptions, PipeOptions receiveOptions)
    {
        _transport = transport;
        var input = new Pipe(receiveOptions);
        var output = new Pipe(sendOptions);
        _received = input.Writer;
        _toSend = output.Reader;
        Input = new MeasuredReader(input.Reader, e => TrySetShutdown(PipeShutdownKind.InputReaderCompleted, e));
        Output = new MeasuredWriter(output.Writer, e => TrySetShutdown(PipeShutdownKind.OutputWriterCompleted, e));
    }

    internal MeasuredReader Input { get; }

    internal MeasuredWriter Output { get; }

    internal PipeShutdownKind ShutdownKind => (PipeShutdownKind)Volatile.Read(ref _shutdownKind);

    internal SocketError SocketError => (SocketError)Volatile.Read(ref _socketError);

    internal int LastReceived => Volatile.Read(ref _lastReceived);

    internal long BytesReceived => Volatile.Read(ref _bytesReceived);

    internal long BytesSent => Volatile.Read(ref _bytesSent);

    internal long BytesWaitingToBeRead => Math.Max(0, BytesReceived - Input.Consumed);

    internal long BytesWaitingToBeSent => Math.Max(0, Output.Written - BytesSent);

    /// <summary>Starts the loops on the schedulers that the pipes' options name.</summary>
    internal void Start(PipeScheduler receiveScheduler, PipeScheduler? sendScheduler)
    {
        receiveScheduler.Schedule(static state => _ = ((DuplexPump)state!).ReceiveAllAsync(), this);
        sendScheduler?.Schedule(static state => _ = ((DuplexPump)state!).SendAllAsync(), this);
    }

    internal bool TrySetShutdown(PipeShutdownKind kind, Exception? reason = null)
    {
        if (Interlocked.CompareExchange(ref _shutdownKind, (int)kind, (int)PipeShutdownKind.None) != 0) return false;
        if (Failure.SocketErrorOf(reason) is { } error) Volatile.Write(ref _socketError, (int)error);
        return true;
    }

    /// <summary>Ends both loops; waits for neither.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        TrySetShutdown(PipeShutdownKind.PipeDisposed);
        _transport.Dispose();
        _received.CancelPendingFlush();
        _toSend.CancelPendingRead();
    }

    private async Task ReceiveAllAsync()
    {
        Exception? failure = null;
        try
        {
            await ReceiveUntilEndAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            TrySetShutdown(Failure.KindOfRead(e), e);
            failure = Failure.ForUser(e);
        }

        // The user's next read sees the end or the failure, after all that arrived before it.
        await _received.CompleteAsync(failure).ConfigureAwait(false);
    }

    private async Task ReceiveUntilEndAsync()
    {
        var hint = ReceiveBytesMin;
        while (true)
        {
            var buffer = _received.GetMemory(hint);
            var bytes = await _transport.ReceiveAsync(buffer).ConfigureAwait(false);
            Volatile.Write(ref _lastReceived, bytes);
            // Shutting the socket down looks like the peer's end to a receive that waits.
            ObjectDisposedException.ThrowIf(bytes <= 0 && Volatile.Read(ref _disposed) != 0, this);
            if (bytes <= 0)
            {
                TrySetShutdown(PipeShutdownKind.ReadEndOfStream);
                return;
            }

            Volatile.Write(ref _bytesReceived, _bytesReceived + bytes);
            if (bytes == buffer.Length) hint = Math.Min(hint * 2, ReceiveBytesMax);
            else if (bytes < hint / 4) hint = Math.Max(hint / 2, ReceiveBytesMin);
            _received.Advance(bytes);

            var flush = await _received.FlushAsync().ConfigureAwait(false);
            if (!flush.IsCanceled && !flush.IsCompleted) continue;
            TrySetShutdown(flush.IsCanceled ? PipeShutdownKind.ReadFlushCanceled : PipeShutdownKind.ReadFlushCompleted);
            return;
        }
    }

    private async Task SendAllAsync()
    {
        Exception? failure = null;
        try
        {
            await SendUntilEndAsync().ConfigureAwait(false);
            if (Volatile.Read(ref _disposed) == 0) _transport.EndSending();
        }
        catch (Exception e)
        {
            TrySetShutdown(Failure.KindOfWrite(e), e);
            failure = Failure.ForUser(e);
        }

        await _toSend.CompleteAsync(failure).ConfigureAwait(false);
        // Without a way to send, replies would be waited for in vain: the reader must see the end too.
        if (failure is not null) _transport.Dispose();
    }

    private async Task SendUntilEndAsync()
    {
        while (true)
        {
            if (!_toSend.TryRead(out var read))
            {
                await _transport.FlushAsync().ConfigureAwait(false);
                read = await _toSend.ReadAsync().ConfigureAwait(false);
            }

            if (read.IsCanceled) return;
            var buffer = read.Buffer;
            if (buffer.IsEmpty && read.IsCompleted)
            {
                TrySetShutdown(PipeShutdownKind.WriteEndOfStream);
                return;
            }

            var sent = buffer.IsEmpty ? 0 : await _transport.SendAsync(buffer).ConfigureAwait(false);
            Volatile.Write(ref _bytesSent, _bytesSent + sent);
            _toSend.AdvanceTo(buffer.GetPosition(sent));
        }
    }
}

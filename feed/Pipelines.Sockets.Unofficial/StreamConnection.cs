using System.IO.Pipelines;

namespace Pipelines.Sockets.Unofficial;

/// <summary>Streams, those of TLS above all, as pipes.</summary>
public static class StreamConnection
{
    /// <summary>A stream as a duplex pipe that counts, and that owns the stream once it is disposed.</summary>
    /// <param name="stream">Readable and writable, in both directions at a time.</param>
    /// <param name="sendPipeOptions">Of the output; null for the default.</param>
    /// <param name="receivePipeOptions">Of the input; null for the default.</param>
    /// <param name="name">For diagnostics.</param>
    public static IDuplexPipe GetDuplex(
        Stream stream, PipeOptions? sendPipeOptions = null, PipeOptions? receivePipeOptions = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanRead || !stream.CanWrite) throw new ArgumentException("Needs to be readable and writable.", nameof(stream));
        sendPipeOptions ??= PipeOptions.Default;
        receivePipeOptions ??= PipeOptions.Default;
        var pump = new DuplexPump(new StreamTransport(stream), sendPipeOptions, receivePipeOptions);
        pump.Start(receivePipeOptions.ReaderScheduler, sendPipeOptions.ReaderScheduler);
        return new StreamDuplexPipe(pump, name);
    }

    /// <summary>A stream as a reader. The stream stays the caller's.</summary>
    public static PipeReader GetReader(Stream stream, PipeOptions? pipeOptions = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.CanRead) throw new ArgumentException("Needs to be readable.", nameof(stream));
        pipeOptions ??= PipeOptions.Default;
        var pump = new DuplexPump(new StreamTransport(stream), PipeOptions.Default, pipeOptions);
        pump.Start(pipeOptions.ReaderScheduler, sendScheduler: null);
        return pump.Input;
    }

    private sealed class StreamDuplexPipe(DuplexPump pump, string? name) : IMeasuredDuplexPipe, IDisposable
    {
        public PipeReader Input => pump.Input;

        public PipeWriter Output => pump.Output;

        public long TotalBytesSent => pump.BytesSent;

        public long TotalBytesReceived => pump.BytesReceived;

        public void Dispose() => pump.Dispose();

        public override string ToString() => name ?? nameof(StreamConnection);
    }
}

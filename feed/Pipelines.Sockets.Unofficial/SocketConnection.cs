using System.IO.Pipelines;
using System.Net.Sockets;

namespace Pipelines.Sockets.Unofficial;

/// <summary>A connected socket as a duplex pipe. Owns the socket: disposing this disposes it.</summary>
public sealed class SocketConnection : IMeasuredDuplexPipe, IDisposable
{
    private readonly DuplexPump _pump;
    private readonly SocketTransport _transport;
    private readonly string? _name;

    private SocketConnection(SocketTransport transport, DuplexPump pump, string? name)
    {
        _transport = transport;
        _pump = pump;
        _name = name;
    }

    /// <summary>What arrives.</summary>
    public PipeReader Input => _pump.Input;

    /// <summary>What is to be sent.</summary>
    public PipeWriter Output => _pump.Output;

    /// <summary>What first ended the connection.</summary>
    public PipeShutdownKind ShutdownKind => _pump.ShutdownKind;

    /// <summary>The socket's error, where one ended the connection.</summary>
    public SocketError SocketError => _pump.SocketError;

    /// <summary>Bytes received so far.</summary>
    public long BytesRead => _pump.BytesReceived;

    /// <summary>Bytes sent so far.</summary>
    public long BytesSent => _pump.BytesSent;

    /// <summary>What the last receive gave, in bytes; 0 at the end.</summary>
    public int LastReceived => _pump.LastReceived;

    long IMeasuredDuplexPipe.TotalBytesSent => BytesSent;

    long IMeasuredDuplexPipe.TotalBytesReceived => BytesRead;

    /// <summary>Checks that what this needs is there. It always is: it needs the framework alone.</summary>
    public static void AssertDependencies()
    {
    }

    /// <summary>Sends small writes at once.</summary>
    public static void SetRecommendedClientOptions(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.AddressFamily != AddressFamily.Unix) socket.NoDelay = true;
    }

    /// <summary>Starts to move bytes.</summary>
    /// <param name="socket">Connected; owned by the result.</param>
    /// <param name="sendPipeOptions">Of the output; null for the default.</param>
    /// <param name="receivePipeOptions">Of the input; null for the default.</param>
    /// <param name="connectionOptions">How the connection behaves.</param>
    /// <param name="name">For diagnostics.</param>
    public static SocketConnection Create(
        Socket socket,
        PipeOptions? sendPipeOptions,
        PipeOptions? receivePipeOptions,
        SocketConnectionOptions connectionOptions = SocketConnectionOptions.None,
        string? name = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        sendPipeOptions ??= PipeOptions.Default;
        receivePipeOptions ??= PipeOptions.Default;
        var waitWithoutBuffer = connectionOptions.HasFlag(SocketConnectionOptions.ZeroLengthReads);
        var transport = new SocketTransport(socket, waitWithoutBuffer);
        var pump = new DuplexPump(transport, sendPipeOptions, receivePipeOptions);
        pump.Start(receivePipeOptions.ReaderScheduler, sendPipeOptions.ReaderScheduler);
        return new SocketConnection(transport, pump, name);
    }

    /// <summary>Records that the protocol ends the connection; only the two protocol kinds, and only if nothing ended it yet.</summary>
    public bool TrySetProtocolShutdown(PipeShutdownKind kind) =>
        kind is PipeShutdownKind.ProtocolExitClient or PipeShutdownKind.ProtocolExitServer && _pump.TrySetShutdown(kind);

    /// <summary>Where bytes wait at this moment.</summary>
    public Counters GetCounters() =>
        new(_transport.BytesAvailable, _pump.BytesWaitingToBeRead, _pump.BytesWaitingToBeSent);

    /// <summary>Ends the connection.</summary>
    public void Dispose() => _pump.Dispose();

    /// <inheritdoc/>
    public override string ToString() => _name ?? nameof(SocketConnection);

    /// <summary>Where bytes wait, in bytes; -1 where that cannot be told.</summary>
    public readonly struct Counters
    {
        internal Counters(long onSocket, long toBeRead, long toBeSent)
        {
            BytesAvailableOnSocket = onSocket;
            BytesWaitingToBeRead = toBeRead;
            BytesWaitingToBeSent = toBeSent;
        }

        /// <summary>Arrived, not received.</summary>
        public long BytesAvailableOnSocket { get; }

        /// <summary>Received, not consumed.</summary>
        public long BytesWaitingToBeRead { get; }

        /// <summary>Written, not sent.</summary>
        public long BytesWaitingToBeSent { get; }
    }
}

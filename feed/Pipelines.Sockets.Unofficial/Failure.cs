using System.Net.Sockets;

namespace Pipelines.Sockets.Unofficial;

/// <summary>What an exception of a transport means.</summary>
internal static class Failure
{
    internal static PipeShutdownKind KindOfRead(Exception e) => e switch
    {
        ObjectDisposedException => PipeShutdownKind.ReadDisposed,
        _ when SocketErrorOf(e) is { } error => IsOurs(error) ? PipeShutdownKind.ReadDisposed : PipeShutdownKind.ReadSocketError,
        IOException => PipeShutdownKind.ReadIOException,
        _ => PipeShutdownKind.ReadException,
    };

    internal static PipeShutdownKind KindOfWrite(Exception e) => e switch
    {
        ObjectDisposedException => PipeShutdownKind.WriteDisposed,
        _ when SocketErrorOf(e) is { } error => IsOurs(error) ? PipeShutdownKind.WriteDisposed : PipeShutdownKind.WriteSocketError,
        IOException => PipeShutdownKind.WriteIOException,
        _ => PipeShutdownKind.WriteException,
    };

    /// <summary>The exception that the user of the pipes is to see.</summary>
    internal static Exception ForUser(Exception e) => SocketErrorOf(e) switch
    {
        SocketError.ConnectionReset or SocketError.Shutdown => new ConnectionResetException(e.Message, e),
        null => e,
        _ when e is IOException => e,
        _ => new IOException(e.Message, e),
    };

    /// <summary>The socket's error, also where a stream wrapped it; null where no socket is to blame.</summary>
    internal static SocketError? SocketErrorOf(Exception? e) => e switch
    {
        SocketException socket => socket.SocketErrorCode,
        IOException { InnerException: SocketException socket } => socket.SocketErrorCode,
        _ => null,
    };

    // What an operation in progress says when its own socket is closed.
    private static bool IsOurs(SocketError error) =>
        error is SocketError.OperationAborted or SocketError.Interrupted or SocketError.InvalidArgument;
}

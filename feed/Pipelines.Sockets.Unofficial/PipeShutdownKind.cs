namespace Pipelines.Sockets.Unofficial;

/// <summary>What first ended a connection. The hundreds tell the part: pipe, reading, writing, user, protocol.</summary>
public enum PipeShutdownKind
{
    /// <summary>Still open.</summary>
    None = 0,

    /// <summary>The connection was disposed.</summary>
    PipeDisposed = 1,

    /// <summary>The peer closed its side.</summary>
    ReadEndOfStream = 100,

    /// <summary>The socket was disposed while reading.</summary>
    ReadDisposed = 101,

    /// <summary>Reading failed with an I/O error.</summary>
    ReadIOException = 102,

    /// <summary>Reading failed otherwise.</summary>
    ReadException = 103,

    /// <summary>Reading failed with a socket error.</summary>
    ReadSocketError = 104,

    /// <summary>The user reads no more.</summary>
    ReadFlushCompleted = 105,

    /// <summary>Handing received bytes over was cancelled.</summary>
    ReadFlushCanceled = 106,

    /// <summary>The user writes no more, and all that was written is sent.</summary>
    WriteEndOfStream = 200,

    /// <summary>The socket was disposed while writing.</summary>
    WriteDisposed = 201,

    /// <summary>Writing failed with an I/O error.</summary>
    WriteIOException = 203,

    /// <summary>Writing failed otherwise.</summary>
    WriteException = 204,

    /// <summary>Writing failed with a socket error.</summary>
    WriteSocketError = 205,

    /// <summary>The user completed the reader of the input.</summary>
    InputReaderCompleted = 300,

    /// <summary>The input's writer was completed.</summary>
    InputWriterCompleted = 301,

    /// <summary>The output's reader was completed.</summary>
    OutputReaderCompleted = 302,

    /// <summary>The user completed the writer of the output.</summary>
    OutputWriterCompleted = 303,

    /// <summary>The protocol said goodbye, by the client.</summary>
    ProtocolExitClient = 400,

    /// <summary>The protocol said goodbye, by the server.</summary>
    ProtocolExitServer = 401,
}

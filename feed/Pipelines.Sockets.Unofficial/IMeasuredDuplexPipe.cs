using System.IO.Pipelines;

namespace Pipelines.Sockets.Unofficial;

/// <summary>A duplex pipe that counts what went over the wire.</summary>
public interface IMeasuredDuplexPipe : IDuplexPipe
{
    /// <summary>Bytes that the operating system has taken.</summary>
    long TotalBytesSent { get; }

    /// <summary>Bytes that have arrived.</summary>
    long TotalBytesReceived { get; }
}

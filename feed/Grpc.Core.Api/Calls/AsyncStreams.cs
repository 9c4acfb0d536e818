namespace Grpc.Core;

/// <summary>A stream of messages from the peer. One <see cref="MoveNext"/> at a time.</summary>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last <see cref="MoveNext"/> read.</summary>
    /// <exception cref="InvalidOperationException">There is none: before the first read, or past the end.</exception>
    T Current { get; }

    /// <summary>Reads the next message; false at the end of the stream.</summary>
    /// <exception cref="RpcException">The call ended with another status than OK.</exception>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}

/// <summary>A stream of messages to the peer. One write at a time: wait for it before the next.</summary>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>How the messages that follow are written; null for the call's.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Writes a message; completes when another can be written.</summary>
    Task WriteAsync(T message);

    /// <summary>Writes a message; the token cancels the wait, and with it the call.</summary>
    /// <exception cref="NotSupportedException">The writer cannot be cancelled and the token can.</exception>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("This stream writer does not support the cancellation of a write.")
        : WriteAsync(message);
}

/// <summary>A client's stream of requests.</summary>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the stream. Nothing is written afterwards.</summary>
    Task CompleteAsync();
}

/// <summary>A server's stream of responses; it ends when the handler returns.</summary>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}

/// <summary>Shorthands on a stream of messages from the peer.</summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>Reads the next message, without a token; false at the end of the stream.</summary>
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> streamReader)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader.MoveNext(CancellationToken.None);
    }
}

namespace Grpc.Core;

/// <summary>
/// What the four kinds of asynchronous calls ask of the transport. The transport passes either parameterless functions, or
/// functions of a state, which spares it a closure a call; this holds both without wrapping either.
/// </summary>
internal readonly struct CallState
{
    private readonly object headers;
    private readonly Delegate status;
    private readonly Delegate trailers;
    private readonly Delegate dispose;
    private readonly object? state;
    private readonly bool takesState;

    public CallState(Task<Metadata> headers, Func<Status> status, Func<Metadata> trailers, Action dispose)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(status);
        ArgumentNullException.ThrowIfNull(trailers);
        ArgumentNullException.ThrowIfNull(dispose);
        (this.headers, this.status, this.trailers, this.dispose) = (headers, status, trailers, dispose);
    }

    public CallState(
        Func<object, Task<Metadata>> headers,
        Func<object, Status> status,
        Func<object, Metadata> trailers,
        Action<object> dispose,
        object state)
    {
        ArgumentNullException.ThrowIfNull(headers);
        ArgumentNullException.ThrowIfNull(status);
        ArgumentNullException.ThrowIfNull(trailers);
        ArgumentNullException.ThrowIfNull(dispose);
        (this.headers, this.status, this.trailers, this.dispose) = (headers, status, trailers, dispose);
        this.state = state;
        takesState = true;
    }

    public Task<Metadata> ResponseHeadersAsync() =>
        takesState ? ((Func<object, Task<Metadata>>)headers)(state!) : (Task<Metadata>)headers;

    public Status GetStatus() => takesState ? ((Func<object, Status>)status)(state!) : ((Func<Status>)status)();

    public Metadata GetTrailers() => takesState ? ((Func<object, Metadata>)trailers)(state!) : ((Func<Metadata>)trailers)();

    public void Dispose()
    {
        if (takesState)
        {
            ((Action<object>)dispose)(state!);
        }
        else
        {
            ((Action)dispose)();
        }
    }
}

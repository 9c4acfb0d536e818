using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>Around every call: admits the caller, and ends the call with an error that says what is to be said, and no more.</summary>
public sealed partial class RpcBoundary(AccessControl access, IHostApplicationLifetime lifetime, ILogger<RpcBoundary> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await access.AdmitAsync(context);
            return await continuation(request, context);
        }
        catch (Exception e)
        {
            throw Ending(e, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await access.AdmitAsync(context);
            return await continuation(requests, context);
        }
        catch (Exception e)
        {
            throw Ending(e, context);
        }
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        StreamAsync(context, () => continuation(request, responses, context));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        StreamAsync(context, () => continuation(Requests(requests, context), responses, context));

    /// <summary>
    /// Reflection waits for requests as long as its client likes: it gets no more of them once the process stops, so that it does not
    /// hold up the end. Our own streams say DRAINING.
    /// </summary>
    private IAsyncStreamReader<TRequest> Requests<TRequest>(IAsyncStreamReader<TRequest> requests, ServerCallContext context) =>
        AccessControl.IsPublic(context) ? new UntilStopping<TRequest>(requests, lifetime.ApplicationStopping) : requests;

    private async Task StreamAsync(ServerCallContext context, Func<Task> call)
    {
        try
        {
            await access.AdmitAsync(context);
            await call();
        }
        catch (Exception e)
        {
            throw Ending(e, context);
        }
    }

    private RpcException Ending(Exception exception, ServerCallContext context)
    {
        // A client that goes away in the middle of a stream is seen as a broken read; nobody is left to be told.
        if (context.CancellationToken.IsCancellationRequested && exception is IOException) exception = new OperationCanceledException();
        var ending = RpcErrors.From(exception);
        if (ending.StatusCode == StatusCode.Internal && exception is not RpcException) Failed(context.Method, exception);
        return ending;
    }

    [LoggerMessage(LogLevel.Error, "{Method} failed.")]
    private partial void Failed(string method, Exception exception);

    private sealed class UntilStopping<T>(IAsyncStreamReader<T> requests, CancellationToken stopping) : IAsyncStreamReader<T>
    {
        public T Current => requests.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
            try
            {
                return await requests.MoveNext(ending.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return false;
            }
        }
    }
}

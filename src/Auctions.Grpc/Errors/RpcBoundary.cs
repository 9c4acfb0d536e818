using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>
/// Surrounds every call: it admits the caller, and turns an exception into an error that tells the caller what it may
/// know.
/// </summary>
public sealed class RpcBoundary(AccessControl access, IHostApplicationLifetime lifetime, ILogger<RpcBoundary> logger)
    : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(request, context));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(requests, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(request, responses, context));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(UntilStopping(requests, context), responses, context));

    private async Task<TResponse> RunAsync<TResponse>(ServerCallContext context, Func<Task<TResponse>> call)
    {
        try
        {
            await access.AdmitAsync(context);
            return await call();
        }
        catch (Exception e)
        {
            throw ToError(e, context);
        }
    }

    private async Task RunAsync(ServerCallContext context, Func<Task> call)
    {
        try
        {
            await access.AdmitAsync(context);
            await call();
        }
        catch (Exception e)
        {
            throw ToError(e, context);
        }
    }

    private RpcException ToError(Exception exception, ServerCallContext context)
    {
        // A client that disconnects during a stream causes a failed read. Nobody is left to receive the error.
        if (context.CancellationToken.IsCancellationRequested && exception is IOException)
            exception = new OperationCanceledException();
        var error = RpcErrors.From(exception);
        if (error.StatusCode == StatusCode.Internal && exception is not RpcException)
            logger.CallFailed(context.Method, exception);
        return error;
    }

    /// <summary>
    /// Ends the requests of a reflection stream when the process stops. Reflection waits for its client's next request
    /// without a limit, and would delay the end. Our own streams end with DRAINING.
    /// </summary>
    private IAsyncStreamReader<TRequest> UntilStopping<TRequest>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context) =>
        AccessControl.IsPublic(context)
            ? new StoppableReader<TRequest>(requests, lifetime.ApplicationStopping)
            : requests;

    private sealed class StoppableReader<T>(IAsyncStreamReader<T> requests, CancellationToken stopping)
        : IAsyncStreamReader<T>
    {
        public T Current => requests.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping);
            try
            {
                return await requests.MoveNext(either.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return false;
            }
        }
    }
}

using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace Auctions.Platform.Hosting;

/// <summary>Around every call: admits the caller, and ends the call with an error that says what is to be said, and no more.</summary>
public sealed partial class RpcBoundary(AccessControl access, ILogger<RpcBoundary> log) : Interceptor
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
        StreamAsync(context, () => continuation(requests, responses, context));

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
}

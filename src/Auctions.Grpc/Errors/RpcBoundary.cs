using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>
/// Surrounds every method: it turns an exception into an error that tells the caller what it may know, and ends streams
/// whose token has expired. <see cref="CallGate"/> has admitted the caller before.
/// </summary>
public sealed class RpcBoundary(
    IHostApplicationLifetime lifetime, IncidentLog incidents, ILogger<RpcBoundary> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            RequireAdmission(context);
            return await continuation(request, context);
        }
        catch (Exception e)
        {
            throw ToError(e, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            RequireAdmission(context);
            using var guarded = Guarded(requests, context);
            return await continuation(guarded, context);
        }
        catch (Exception e)
        {
            throw ToError(e, context);
        }
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(request, responses, context));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, async () =>
        {
            using var guarded = Guarded(requests, context);
            await continuation(guarded, responses, context);
        });

    private async Task RunAsync(ServerCallContext context, Func<Task> call)
    {
        try
        {
            RequireAdmission(context);
            await call();
        }
        catch (Exception e)
        {
            throw ToError(e, context);
        }

        // A method that only writes may end without an error when its call is cancelled.
        if (LifetimeOf(context) is { Ended.IsCancellationRequested: true, IsExpired: true })
            throw AccessControl.Expired();
    }

    private RpcException ToError(Exception exception, ServerCallContext context)
    {
        if (exception is not RpcException && LifetimeOf(context) is { IsExpired: true })
            return AccessControl.Expired();

        // A client that disconnects during a stream causes a failed read. Nobody is left to receive the error.
        if (context.CancellationToken.IsCancellationRequested && exception is IOException)
            exception = new OperationCanceledException();
        var error = RpcErrors.From(exception);
        if (error.StatusCode == StatusCode.Internal && exception is not RpcException
            && incidents.IsFirst($"{context.Method} {exception.GetType()}"))
            logger.CallFailed(context.Method, exception);
        return error;
    }

    /// <summary>Without the gate, a method would run for anybody.</summary>
    private static void RequireAdmission(ServerCallContext context)
    {
        if (!Caller.IsAttached(context.GetHttpContext()))
            throw new InvalidOperationException("No CallGate has admitted this call: the pipeline lacks it.");
    }

    private static TokenLifetime? LifetimeOf(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<TokenLifetime>();

    private GuardedReader<TRequest> Guarded<TRequest>(
        IAsyncStreamReader<TRequest> requests, ServerCallContext context)
    {
        var http = context.GetHttpContext();

        // Reflection waits for its client's next request without a limit, and would delay the end of the process. Our
        // own streams end with DRAINING.
        var stopping = AccessControl.IsPublic(http) ? lifetime.ApplicationStopping : CancellationToken.None;
        return new GuardedReader<TRequest>(requests, stopping, LifetimeOf(context)?.Expired ?? default, context);
    }

    /// <summary>
    /// The requests of a stream. They end when the process stops, if the stream is to end then. A message that cannot
    /// be read, and the expiry of the token, are errors that the method may let through.
    /// </summary>
    private sealed class GuardedReader<T>(
        IAsyncStreamReader<T> requests, CancellationToken stopping, CancellationToken expired,
        ServerCallContext context) : IAsyncStreamReader<T>, IDisposable
    {
        /// <summary>Linked once: a method passes the same token for each of its requests.</summary>
        private CancellationTokenSource? _any;
        private CancellationToken _linked;

        public T Current => requests.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            try
            {
                return await requests.MoveNext(AnyOf(cancellationToken));
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return false;
            }
            catch (OperationCanceledException) when (expired.IsCancellationRequested)
            {
                throw AccessControl.Expired();
            }
            catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException)
            {
                throw context.CancellationToken.IsCancellationRequested
                    ? new OperationCanceledException()
                    : RpcErrors.MessageInvalid("A request of the stream is not a valid message.");
            }
        }

        public void Dispose() => _any?.Dispose();

        private CancellationToken AnyOf(CancellationToken cancellationToken)
        {
            if (_any is null || _linked != cancellationToken)
            {
                _any?.Dispose();
                _any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stopping, expired);
                _linked = cancellationToken;
            }

            return _any.Token;
        }
    }
}

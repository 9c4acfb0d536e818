using System.Text.RegularExpressions;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>
/// The first that happens to a call, before a byte of its message is read: it identifies the caller
/// (<see cref="AccessControl"/>), applies the limits (<see cref="CallLimits"/>), and refuses as gRPC does.
/// <para>Concurrency: each call is on its own.</para>
/// <para>Lifecycle: what the call takes from the limits is given back when its method has ended, even if the client
/// went away earlier, except for what its work still holds (<see cref="HeldPlace"/>).</para>
/// <para>Invariants: no method runs without an admitted caller (<see cref="RpcBoundary"/> checks it).</para>
/// <para>Bounds: nothing waits here, except for the issuer's keys.</para>
/// </summary>
internal sealed partial class CallGate(
    RequestDelegate next, AccessControl access, CallLimits limits, ClientConnections connections,
    TokenLifetimes lifetimes, IncidentLog incidents, ILogger<CallGate> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        var method = http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method;
        var connection = connections.Of(http);
        var (caller, error) = method is null
            ? (Caller.Anonymous, null) // The package answers UNIMPLEMENTED.
            : await access.IdentifyAsync(http, connection);
        var places = default(Places);
        try
        {
            // A refused token counts as a call without one.
            error = limits.Admit(connection, caller, IsStream(method), AccessControl.IsPublic(http), ref places)
                ?? error ?? CheckTimeout(http.Request);
            if (error is not null)
            {
                LogRefusal(error);
                RpcAnswer.Write(http, error);
                return;
            }

            caller.Attach(http);
            places.Held?.Attach(http);
            using var lifetime = method is null ? null : lifetimes.Begin(http, caller, method.Type);
            await next(http);
        }
        finally
        {
            places.Dispose();
        }
    }

    private static bool IsStream(IMethod? method) => method is { Type: not MethodType.Unary };

    /// <summary>
    /// At most eight digits and a unit. The gRPC package fails on more digits, and ignores what it cannot read.
    /// </summary>
    private static RpcException? CheckTimeout(HttpRequest request)
    {
        var timeout = request.Headers["grpc-timeout"];
        return timeout.Count == 0 || (timeout.Count == 1 && Timeout().IsMatch(timeout.ToString()))
            ? null
            : RpcErrors.InvalidArgument(
                "grpc-timeout", timeout.ToString(), "must be 1 to 8 digits and one of the units H, M, S, m, u and n");
    }

    private void LogRefusal(RpcException error)
    {
        if (error.StatusCode == StatusCode.Unauthenticated && incidents.IsFirst("token"))
            logger.TokenRefused(error.Status.Detail);
    }

    [GeneratedRegex("^[0-9]{1,8}[HMSmun]$", RegexOptions.CultureInvariant)]
    private static partial Regex Timeout();
}

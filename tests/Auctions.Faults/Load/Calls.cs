using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>What an error of a call means to a client that keeps to the contract.</summary>
internal static class Calls
{
    /// <summary>
    /// Send the same again: the outcome is not known, or (RESOURCE_EXHAUSTED) nothing was decided. INTERNAL, UNKNOWN and CANCELLED are what
    /// gRPC's client makes of a connection that breaks in the middle; a service says so with an ErrorInfo.
    /// </summary>
    public static bool MayRepeat(RpcException e) => e.StatusCode
        is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted
        || e.StatusCode is StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled && e.GetRpcStatus() is null;

    public static string Text(RpcException e) => RpcErrors.Reason(e) is { Length: > 0 } reason ? $"{e.StatusCode} {reason}" : $"{e.StatusCode}";

    /// <summary>Sends a request until it is answered.</summary>
    /// <exception cref="RpcException">The answer is an error that sending it again does not change.</exception>
    public static async Task<T> UntilAnsweredAsync<T>(Func<DateTime, AsyncUnaryCall<T>> send, RunClock clock, CancellationToken cancellationToken)
    {
        for (var wait = TimeSpan.FromMilliseconds(20); ; wait = TimeSpan.FromMilliseconds(Math.Min(500, wait.TotalMilliseconds * 2)))
        {
            try
            {
                using var call = send(clock.Time.GetUtcNow().UtcDateTime + Deadline);
                return await call.ResponseAsync.WaitAsync(cancellationToken);
            }
            catch (RpcException e) when (MayRepeat(e))
            {
                await clock.DelayAsync(wait, cancellationToken);
            }
        }
    }

    /// <summary>How long one call may take. After it the outcome is unknown, and the call is made again.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(4);
}

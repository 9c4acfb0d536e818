using Auctions.Grpc;
using Auctions.Hosting;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Auctions.Ctl.Replay;

/// <summary>
/// Sends a request again, unchanged, while the answer is that the outcome is not known (UNAVAILABLE, DEADLINE_EXCEEDED) or that
/// nothing was decided (RESOURCE_EXHAUSTED). The requests carry idempotency keys or only read, so sending twice is free.
/// </summary>
/// <param name="giveUp">How long a request may stay without an answer.</param>
public sealed class Retries(TimeSpan giveUp, TimeProvider timeProvider)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(25), Longest = TimeSpan.FromSeconds(1), Attempt = TimeSpan.FromSeconds(10);

    /// <exception cref="RpcException">The answer is another error, or still one of these after the time to give up.</exception>
    public async Task<T> SendAsync<T>(Func<DateTime, AsyncUnaryCall<T>> send, CancellationToken cancellationToken)
    {
        var began = timeProvider.GetTimestamp();
        for (var wait = First; ; wait = wait * 2 < Longest ? wait * 2 : Longest)
        {
            try
            {
                using var call = send(timeProvider.GetUtcNow().UtcDateTime + Attempt);
                return await call.ResponseAsync.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException e) when (MayRetry(e) && timeProvider.GetElapsedTime(began) < giveUp)
            {
                await Task.Delay(RetryAfter(e) ?? wait, timeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static bool MayRetry(RpcException e) =>
        e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted;

    /// <summary>What the server asks for with google.rpc.RetryInfo, if it does.</summary>
    private static TimeSpan? RetryAfter(RpcException e)
    {
        try
        {
            return RpcErrors.Detail<RetryInfo>(e)?.RetryDelay?.ToTimeSpan();
        }
        catch (InvalidProtocolBufferException)
        {
            // The details are an addition to the status, which is what counts: without them the usual wait applies.
            return null;
        }
    }
}

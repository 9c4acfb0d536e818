using System.Diagnostics.Metrics;
using System.Threading.RateLimiting;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>What a call gives back when it ends.</summary>
internal struct Places : IDisposable
{
    public RateLimitLease? First, Second, Third;

    /// <summary>The subject's place of a unary call. A bid that goes on after its call holds it too.</summary>
    public HeldPlace? Held;

    public readonly void Dispose()
    {
        Held?.Dispose();
        First?.Dispose();
        Second?.Dispose();
        Third?.Dispose();
    }
}

/// <summary>What all limits share.</summary>
internal sealed record LimitContext(Counter<long> Refused, IncidentLog Incidents, ILogger Logger);

/// <summary>One limit, for each key: a connection, a subject or an address.</summary>
/// <param name="name">Of the metric's tag and the log.</param>
/// <param name="limiter">Null if the configuration switches the limit off.</param>
/// <param name="exemption">The token claim that lifts it; null for none.</param>
internal sealed class Limit(
    LimitContext context, string name, PartitionedRateLimiter<string>? limiter, string reason, string message,
    string? exemption) : IDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>Built once, because a caller may exceed its limit many times a second. It is never thrown.</summary>
    private readonly RpcException _refusal = RpcErrors.ResourceExhausted(reason, message, RetryAfter);

    private readonly KeyValuePair<string, object?> _tag = new("limit", name);

    /// <summary>Takes one from a rate.</summary>
    /// <returns>Null, or the error.</returns>
    public RpcException? Take(string key, Caller? caller = null)
    {
        RateLimitLease? lease = null;
        return Enter(key, caller, ref lease);
    }

    /// <summary>Takes one, which the lease gives back.</summary>
    /// <returns>Null, or the error.</returns>
    public RpcException? Enter(string key, Caller? caller, ref RateLimitLease? place)
    {
        if (!AppliesTo(caller)) return null;
        place = limiter!.AttemptAcquire(key);
        return place.IsAcquired ? null : Refuse();
    }

    /// <summary>Waits for one, which the lease gives back; null if there is no limit for this caller.</summary>
    public async ValueTask<RateLimitLease?> WaitAsync(string key, Caller caller, CancellationToken cancellationToken) =>
        AppliesTo(caller) ? await limiter!.AcquireAsync(key, 1, cancellationToken) : null;

    public void Dispose() => limiter?.Dispose();

    private bool AppliesTo(Caller? caller) =>
        limiter is not null && (exemption is null || caller is null || !caller.Exemptions.Contains(exemption));

    private RpcException Refuse()
    {
        context.Refused.Add(1, _tag);
        if (context.Incidents.IsFirst(name)) context.Logger.LimitReached(name, message);
        return _refusal;
    }
}

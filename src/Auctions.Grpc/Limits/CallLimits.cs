using System.Diagnostics.Metrics;
using System.Threading.RateLimiting;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>
/// The limits of callers (<see cref="LimitOptions"/>). What exceeds one gets RESOURCE_EXHAUSTED with RetryInfo, before
/// a message is read: nothing was decided, and the caller may try again.
/// <para>Concurrency: any thread may call any member.</para>
/// <para>Lifecycle: one for the process. A limiter of a connection or subject lives while it is used, and some seconds
/// longer.</para>
/// <para>Invariants: what is taken from a limit on calls in flight or streams is given back exactly once, when the call
/// ends, or when its bid is through if that is later; what is taken from a rate comes back by time.</para>
/// <para>Bounds: a few hundred bytes for each connection and subject of the last seconds. Only bids of streams wait for
/// their turn, one for each stream.</para>
/// </summary>
public sealed class CallLimits : IDisposable
{
    private readonly Meter _meter = new("Auctions.Limits");
    private readonly Limit _callsPerConnection, _tokenChecks, _anonymousCalls, _callsPerSubject, _callsPerPeer;
    private readonly Limit _inFlightPerSubject, _anonymousInFlight, _anonymousInFlightMax;
    private readonly Limit _streamsPerConnection, _streamsPerSubject, _streamsPerPeer, _publicStreams;

    public CallLimits(IOptions<LimitOptions> options, IncidentLog incidents, ILogger<CallLimits> logger)
    {
        var o = options.Value;
        var context = new LimitContext(
            _meter.CreateCounter<long>("auctions.limits.refused", "{call}", "Calls refused, by limit."),
            incidents, logger);
        _callsPerConnection = Rate("calls_per_connection", o.CallsPerConnection, "calls over one connection",
            Caller.CallsExemption);
        _tokenChecks = Rate("token_checks_per_connection", o.TokenChecksPerConnection,
            "unknown tokens over one connection", exemption: null);
        _anonymousCalls = Rate("anonymous_calls_per_connection", o.AnonymousCallsPerConnection,
            "calls without a token over one connection", exemption: null);
        _callsPerSubject = Rate("calls_per_subject", o.CallsPerSubject, "calls of one subject", Caller.CallsExemption);
        _callsPerPeer = Rate("calls_per_peer", o.CallsPerPeer, "calls from one address", Caller.CallsExemption);
        _inFlightPerSubject = Concurrency("in_flight_per_subject", o.InFlightPerSubject,
            "TOO_MANY_IN_FLIGHT", "calls of one subject in flight", Caller.InFlightExemption);
        _anonymousInFlight = Concurrency("anonymous_in_flight_per_connection", o.AnonymousInFlightPerConnection,
            "TOO_MANY_IN_FLIGHT", "calls without a token in flight over one connection", exemption: null);
        _anonymousInFlightMax = Concurrency("anonymous_in_flight", o.AnonymousInFlightMax,
            "TOO_MANY_IN_FLIGHT", "calls without a token in flight", exemption: null);
        _streamsPerConnection = Concurrency("streams_per_connection", o.StreamsPerConnection,
            "TOO_MANY_STREAMS", "streams over one connection", Caller.StreamsExemption);
        _streamsPerSubject = Concurrency("streams_per_subject", o.StreamsPerSubject,
            "TOO_MANY_STREAMS", "streams of one subject", Caller.StreamsExemption);
        _streamsPerPeer = Concurrency("streams_per_peer", o.StreamsPerPeer,
            "TOO_MANY_STREAMS", "streams from one address", Caller.StreamsExemption);
        _publicStreams = Concurrency("public_streams", o.PublicStreamsMax,
            "TOO_MANY_STREAMS", "health and reflection streams", exemption: null);

        Limit Rate(string name, int perSecond, string what, string? exemption) => new(
            context, name, perSecond == 0 ? null : PartitionedRateLimiter.Create<string, string>(key =>
                RateLimitPartition.GetTokenBucketLimiter(key, _ => Bucket(perSecond))),
            "TOO_MANY_CALLS", $"More than {perSecond} {what} a second.", exemption);

        Limit Concurrency(string name, int max, string reason, string what, string? exemption) => new(
            context, name, max == 0 ? null : PartitionedRateLimiter.Create<string, string>(key =>
                RateLimitPartition.GetConcurrencyLimiter(key, _ => Places(max))),
            reason, $"More than {max} {what}.", exemption);
    }

    /// <summary>Whether the connection may have another unknown token checked.</summary>
    /// <returns>Null, or the error.</returns>
    internal RpcException? CheckToken(in ClientConnection connection) => _tokenChecks.Take(connection.Key);

    /// <summary>Counts a call, and takes its place among the caller's calls in flight or streams.</summary>
    /// <param name="isStream">Whether the method streams in either direction.</param>
    /// <param name="isPublic">Whether it is a method of health or reflection.</param>
    /// <param name="places">Gets what the call must give back when it ends, even if there is an error.</param>
    /// <returns>Null, or the error.</returns>
    internal RpcException? Admit(
        in ClientConnection connection, Caller caller, bool isStream, bool isPublic, ref Places places)
    {
        if (_callsPerConnection.Take(connection.Key, caller) is { } tooManyOverOne) return tooManyOverOne;
        if (connection.Peer is { } peer && _callsPerPeer.Take(peer, caller) is { } tooManyOfPeer) return tooManyOfPeer;
        var anonymous = caller.Subject.Length == 0;
        var tooMany = anonymous
            ? _anonymousCalls.Take(connection.Key)
            : _callsPerSubject.Take(caller.Subject, caller);
        if (tooMany is not null) return tooMany;
        if (isStream) return AdmitStream(connection, caller, isPublic, ref places);
        if (!anonymous) return EnterFlight(caller, ref places);
        return _anonymousInFlight.Enter(connection.Key, caller, ref places.First)
            ?? _anonymousInFlightMax.Enter("", caller, ref places.Second);
    }

    /// <summary>Counts a bid of a stream, and waits until the subject may have another one in flight.</summary>
    /// <returns>The place, to be left when the answer is written; null if the caller has no limit.</returns>
    public async ValueTask<HeldPlace?> EnterBidAsync(Caller caller, CancellationToken cancellationToken)
    {
        await _callsPerSubject.WaitAsync(caller.Subject, caller, cancellationToken);
        var lease = await _inFlightPerSubject.WaitAsync(caller.Subject, caller, cancellationToken);
        return lease is null ? null : new HeldPlace(lease);
    }

    public void Dispose()
    {
        Limit[] all =
        [
            _callsPerConnection, _tokenChecks, _anonymousCalls, _callsPerSubject, _callsPerPeer, _inFlightPerSubject,
            _anonymousInFlight, _anonymousInFlightMax, _streamsPerConnection, _streamsPerSubject, _streamsPerPeer,
            _publicStreams,
        ];
        foreach (var limit in all) limit.Dispose();
        _meter.Dispose();
    }

    private RpcException? EnterFlight(Caller caller, ref Places places)
    {
        RateLimitLease? lease = null;
        var refusal = _inFlightPerSubject.Enter(caller.Subject, caller, ref lease);
        if (lease is not null) places.Held = new HeldPlace(lease);
        return refusal;
    }

    private RpcException? AdmitStream(
        in ClientConnection connection, Caller caller, bool isPublic, ref Places places)
    {
        if (_streamsPerConnection.Enter(connection.Key, caller, ref places.First) is { } overOne) return overOne;
        if (connection.Peer is { } peer
            && _streamsPerPeer.Enter(peer, caller, ref places.Second) is { } ofPeer) return ofPeer;
        if (isPublic) return _publicStreams.Enter("", caller, ref places.Third);
        return caller.Subject.Length == 0
            ? null
            : _streamsPerSubject.Enter(caller.Subject, caller, ref places.Third);
    }

    private static TokenBucketRateLimiterOptions Bucket(int perSecond)
    {
        var tokens = Math.Max(1, perSecond / 10);
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = 2 * perSecond,
            TokensPerPeriod = tokens,
            ReplenishmentPeriod = TimeSpan.FromSeconds((double)tokens / perSecond),
            QueueLimit = int.MaxValue,
        };
    }

    private static ConcurrencyLimiterOptions Places(int max) => new()
    {
        PermitLimit = max,
        QueueLimit = int.MaxValue,
    };
}

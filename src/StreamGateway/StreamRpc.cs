using System.Diagnostics.Metrics;
using Auctions.Grpc;
using Auctions.Ledger;
using Auctions.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Options;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace StreamGateway;

/// <summary>
/// The contract's <see cref="StreamService"/>. A call is checked (<see cref="WatchSubscription"/>) and counted
/// (<see cref="StreamLimiter"/>); then a <see cref="Viewer"/> runs it.
/// </summary>
internal sealed class StreamRpc(AuctionFanout fanout, StreamLimiter limiter, TimeProvider timeProvider) : StreamRpcBase
{
    [OpenRead]
    public override async Task Watch(
        WatchRequest request, IServerStreamWriter<WatchFrame> frames, ServerCallContext context)
    {
        var subscription = WatchSubscription.Parse(request);
        using var lease = limiter.Acquire(hasToken: Caller.Of(context).Subject.Length > 0);
        var viewer = new Viewer(fanout, limiter, subscription, timeProvider);
        try
        {
            // Headers go first: a viewer that resumes at the latest version gets no frame before the first heartbeat.
            await viewer.RunAsync(frames, () => context.WriteResponseHeadersAsync([]), context.CancellationToken);
        }
        catch (LedgerUnavailableException)
        {
            throw RpcErrors.Unavailable(
                "LEDGER_UNAVAILABLE", "The auctions cannot be read at the moment.", TimeSpan.FromSeconds(1));
        }
    }
}

/// <summary>
/// The base class that protoc would generate, except that it streams <see cref="WatchFrame"/>: all viewers share its
/// bytes, where generated code would serialise each frame for each viewer.
/// </summary>
[BindServiceMethod(typeof(StreamBinding), nameof(StreamBinding.BindService))]
internal abstract class StreamRpcBase
{
    public abstract Task Watch(
        WatchRequest request, IServerStreamWriter<WatchFrame> frames, ServerCallContext context);
}

/// <summary>Binds <see cref="StreamRpcBase"/>. The gRPC server finds this class by the attribute.</summary>
internal static class StreamBinding
{
    private static readonly Marshaller<WatchRequest> Requests = Marshallers.Create(
        static request => request.ToByteArray(), static bytes => WatchRequest.Parser.ParseFrom(bytes));

    private static readonly Method<WatchRequest, WatchFrame> Watch = new(
        MethodType.ServerStreaming, Descriptor.FullName, nameof(StreamRpcBase.Watch), Requests, WatchFrame.Marshaller);

    /// <summary>Health and reflection look for it under this name, as in generated code.</summary>
    public static ServiceDescriptor Descriptor => StreamService.Descriptor;

    /// <summary>The server calls it with a null service to list the methods, as in generated code.</summary>
    public static void BindService(ServiceBinderBase binder, StreamRpcBase? service) => binder.AddMethod(
        Watch, service is null ? null : new ServerStreamingServerMethod<WatchRequest, WatchFrame>(service.Watch));
}

/// <summary>One auction of a subscription.</summary>
/// <param name="ResumeVersion">The last version that the viewer has seen; null for none.</param>
internal readonly record struct SubscriptionTarget(Guid AuctionId, long? ResumeVersion);

/// <summary>A <see cref="WatchRequest"/> that has passed every check.</summary>
internal sealed record WatchSubscription(IReadOnlyList<SubscriptionTarget> Targets, TimeSpan HeartbeatInterval)
{
    public const int TargetsMax = 100;

    private static readonly TimeSpan HeartbeatDefault = TimeSpan.FromSeconds(15);

    /// <exception cref="RpcException">INVALID_ARGUMENT, with every field that is wrong.</exception>
    public static WatchSubscription Parse(WatchRequest request)
    {
        var violations = new Violations();
        violations.Check(request.Targets.Count is >= 1 and <= TargetsMax, "targets", request.Targets.Count,
            $"must be 1 to {TargetsMax}");
        violations.ThrowIfAny(); // Before the targets are checked one by one: there may be a million of them.

        var subscription = new WatchSubscription(
            ParseTargets(request, violations), ParseInterval(request.HeartbeatInterval, violations));
        violations.ThrowIfAny();
        return subscription;
    }

    private static List<SubscriptionTarget> ParseTargets(WatchRequest request, Violations violations)
    {
        var targets = new List<SubscriptionTarget>(request.Targets.Count);
        var ids = new HashSet<Guid>();
        for (var i = 0; i < request.Targets.Count; i++)
        {
            var target = request.Targets[i];
            if (target.HasVersion)
                violations.Check(target.Version >= 0, $"targets[{i}].version", target.Version, "must not be negative");
            var id = Fields.Uuid(target.AuctionId, $"targets[{i}].auction_id", violations);
            if (id != Guid.Empty)
            {
                violations.Check(ids.Add(id), $"targets[{i}].auction_id", target.AuctionId,
                    "must not name an auction a second time");
            }

            targets.Add(new SubscriptionTarget(id, target.HasVersion ? target.Version : null));
        }

        return targets;
    }

    private static TimeSpan ParseInterval(Duration? interval, Violations violations)
    {
        if (interval is null) return HeartbeatDefault;

        // The check uses the integers of the message: a conversion to TimeSpan can round or overflow.
        var valid = interval is { Seconds: >= 1 and < 60, Nanos: >= 0 and < 1_000_000_000 }
            or { Seconds: 60, Nanos: 0 };
        violations.Check(
            valid, "heartbeat_interval", $"{interval.Seconds}s {interval.Nanos}ns", "must be 1 s to 60 s");
        return valid ? interval.ToTimeSpan() : HeartbeatDefault;
    }
}

/// <summary>
/// Counts the open streams, limits their number, and ends them all when the gateway stops. Each caller has a limit of
/// its own as well (<see cref="CallLimits"/>).
/// <para>Concurrency: any thread may call any member; the count is changed by interlocked operations.</para>
/// <para>Lifecycle: a stream holds its lease from its check to its end. Draining begins when the host stops, and is
/// final.</para>
/// <para>Invariants: no more than <see cref="GatewayOptions.MaxStreams"/> leases are held; those without a token leave
/// <see cref="GatewayOptions.KeptForTokensPercent"/> of them free; none is given while draining.</para>
/// <para>Bounds: a stream over the limit is refused at once; nothing waits for a lease.</para>
/// </summary>
internal sealed class StreamLimiter : IDisposable
{
    public const string MeterName = "Auctions.StreamGateway";

    private readonly Meter _meter = new(MeterName);
    private readonly int _max, _anonymousMax;
    private int _open, _anonymous;

    /// <param name="draining">Cancelled when the gateway begins to stop.</param>
    public StreamLimiter(IOptions<GatewayOptions> options, CancellationToken draining)
    {
        _max = options.Value.MaxStreams;
        _anonymousMax = _max - (int)((long)_max * options.Value.KeptForTokensPercent / 100);
        Draining = draining;
        _meter.CreateObservableGauge(
            "auctions.gateway.streams", () => Volatile.Read(ref _open), description: "Open streams.");
    }

    /// <summary>Cancelled when every stream must end.</summary>
    public CancellationToken Draining { get; }

    /// <summary>Takes a lease for one stream. Disposing returns it.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED, or UNAVAILABLE while draining.</exception>
    public Lease Acquire(bool hasToken)
    {
        ThrowIfDraining();
        if (!hasToken && Interlocked.Increment(ref _anonymous) > _anonymousMax)
        {
            Interlocked.Decrement(ref _anonymous);
            throw Full($"This gateway serves its maximum of {_anonymousMax} streams without a token.");
        }

        var lease = new Lease(this, hasToken);
        if (Interlocked.Increment(ref _open) <= _max) return lease;
        lease.Dispose();
        throw Full($"This gateway serves its maximum of {_max} streams.");

        static RpcException Full(string message) =>
            RpcErrors.ResourceExhausted("TOO_MANY_STREAMS", message, TimeSpan.FromSeconds(5));
    }

    /// <exception cref="RpcException">UNAVAILABLE with the reason DRAINING.</exception>
    public void ThrowIfDraining()
    {
        if (Draining.IsCancellationRequested)
            throw RpcErrors.Draining("This gateway is stopping. Open the stream again with the last versions seen.");
    }

    public void Dispose() => _meter.Dispose();

    internal readonly struct Lease(StreamLimiter limiter, bool hasToken) : IDisposable
    {
        public void Dispose()
        {
            Interlocked.Decrement(ref limiter._open);
            if (!hasToken) Interlocked.Decrement(ref limiter._anonymous);
        }
    }
}

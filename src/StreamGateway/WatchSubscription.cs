using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Google.Protobuf.WellKnownTypes;

namespace StreamGateway;

/// <summary>One auction that a viewer wants to see.</summary>
/// <param name="Version">The last that it has seen; null for none.</param>
internal readonly record struct WishedTarget(Guid AuctionId, long? Version);

/// <summary>A <see cref="WatchRequest"/> that makes sense.</summary>
internal sealed record WatchSubscription(IReadOnlyList<WishedTarget> Targets, TimeSpan HeartbeatInterval)
{
    public const int TargetsMax = 100;

    private static readonly TimeSpan HeartbeatDefault = TimeSpan.FromSeconds(15);

    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT, with every field that is wrong.</exception>
    public static WatchSubscription Of(WatchRequest request)
    {
        var violations = new Violations();
        violations.Check(request.Targets.Count is >= 1 and <= TargetsMax, "targets", request.Targets.Count, $"must be 1 to {TargetsMax}");
        violations.ThrowIfAny(); // A million targets are not looked at one by one.

        var wish = new WatchSubscription(Read(request, violations), Interval(request.HeartbeatInterval, violations));
        violations.ThrowIfAny();
        return wish;
    }

    private static List<WishedTarget> Read(WatchRequest request, Violations violations)
    {
        var targets = new List<WishedTarget>(request.Targets.Count);
        var seen = new HashSet<Guid>();
        for (var i = 0; i < request.Targets.Count; i++)
        {
            var target = request.Targets[i];
            if (target.HasVersion)
                violations.Check(target.Version >= 0, $"targets[{i}].version", target.Version, "must not be negative");
            var id = Fields.Uuid(target.AuctionId, $"targets[{i}].auction_id", violations);
            if (id != Guid.Empty)
                violations.Check(seen.Add(id), $"targets[{i}].auction_id", target.AuctionId, "must not name an auction a second time");
            targets.Add(new WishedTarget(id, target.HasVersion ? target.Version : null));
        }

        return targets;
    }

    private static TimeSpan Interval(Duration? asked, Violations violations)
    {
        if (asked is null) return HeartbeatDefault;

        // In whole and billionths: a TimeSpan would round, or overflow.
        var valid = asked is { Seconds: >= 1 and < 60, Nanos: >= 0 and < 1_000_000_000 } or { Seconds: 60, Nanos: 0 };
        return violations.Check(valid, "heartbeat_interval", $"{asked.Seconds}s {asked.Nanos}ns", "must be 1 s to 60 s")
            ? asked.ToTimeSpan()
            : HeartbeatDefault;
    }
}

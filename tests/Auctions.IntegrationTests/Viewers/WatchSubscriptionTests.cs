using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

public sealed class WatchSubscriptionTests
{
    private const string Id = "0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55";

    public static TheoryData<WatchRequest, string> Wrong => new()
    {
        { new WatchRequest(), "targets" },
        { Of([.. Enumerable.Range(0, 101).Select(_ => Guid.NewGuid().ToString())]), "targets" },
        { Of("x"), "targets[0].auction_id" },
        { Of(Id, Id.ToUpperInvariant()), "targets[1].auction_id" },
        { new WatchRequest { Targets = { new WatchTarget { AuctionId = Id, Version = -1 } } }, "targets[0].version" },
        { Every(new Duration { Nanos = 999_999_999 }), "heartbeat_interval" },
        { Every(new Duration { Seconds = 60, Nanos = 1 }), "heartbeat_interval" },
        { Every(new Duration { Seconds = -5 }), "heartbeat_interval" },
        { Every(new Duration { Seconds = long.MaxValue }), "heartbeat_interval" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void An_invalid_request_is_refused_and_its_field_is_named(WatchRequest request, string field)
    {
        var error = Assert.Throws<RpcException>(() => WatchSubscription.Parse(request));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(field, error.Status.Detail);
    }

    [Fact]
    public void A_hundred_targets_and_both_limits_of_the_interval_are_accepted()
    {
        var ids = Enumerable.Range(0, 100).Select(_ => Guid.NewGuid().ToString()).ToArray();
        Assert.Equal(100, WatchSubscription.Parse(Of(ids)).Targets.Count);
        Assert.Equal(TimeSpan.FromSeconds(15), WatchSubscription.Parse(Of(Id)).HeartbeatInterval);
        Assert.Equal(TimeSpan.FromSeconds(1), Interval(1));
        Assert.Equal(TimeSpan.FromSeconds(60), Interval(60));

        static TimeSpan Interval(long seconds) =>
            WatchSubscription.Parse(Every(new Duration { Seconds = seconds })).HeartbeatInterval;
    }

    [Fact]
    public void Version_0_is_not_the_same_as_no_version()
    {
        var request = new WatchRequest { Targets = { new WatchTarget { AuctionId = Id, Version = 0 } } };
        Assert.Equal(0, WatchSubscription.Parse(request).Targets[0].ResumeVersion);
        Assert.Null(WatchSubscription.Parse(Of(Id)).Targets[0].ResumeVersion);
    }

    private static WatchRequest Of(params string[] ids)
    {
        var request = new WatchRequest();
        request.Targets.AddRange(ids.Select(id => new WatchTarget { AuctionId = id }));
        return request;
    }

    private static WatchRequest Every(Duration interval)
    {
        var request = Of(Id);
        request.HeartbeatInterval = interval;
        return request;
    }
}

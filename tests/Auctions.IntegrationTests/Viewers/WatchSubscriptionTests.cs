using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>Which requests make sense.</summary>
public sealed class WatchSubscriptionTests
{
    private static readonly string Id = "0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55";

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
    public void A_request_that_makes_no_sense_is_refused_and_the_field_named(WatchRequest request, string field)
    {
        var error = Assert.Throws<RpcException>(() => WatchSubscription.Of(request));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(field, error.Status.Detail);
    }

    [Fact]
    public void A_hundred_targets_and_the_ends_of_the_interval_are_fine()
    {
        Assert.Equal(100, WatchSubscription.Of(Of([.. Enumerable.Range(0, 100).Select(_ => Guid.NewGuid().ToString())])).Targets.Count);
        Assert.Equal(TimeSpan.FromSeconds(15), WatchSubscription.Of(Of(Id)).HeartbeatInterval);
        Assert.Equal(TimeSpan.FromSeconds(1), WatchSubscription.Of(Every(new Duration { Seconds = 1 })).HeartbeatInterval);
        Assert.Equal(TimeSpan.FromSeconds(60), WatchSubscription.Of(Every(new Duration { Seconds = 60 })).HeartbeatInterval);
    }

    [Fact]
    public void Version_0_is_not_the_same_as_none()
    {
        var request = new WatchRequest { Targets = { new WatchTarget { AuctionId = Id, Version = 0 } } };
        Assert.Equal(0, WatchSubscription.Of(request).Targets[0].Version);
        Assert.Null(WatchSubscription.Of(Of(Id)).Targets[0].Version);
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

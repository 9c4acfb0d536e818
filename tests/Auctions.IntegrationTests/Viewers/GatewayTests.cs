using System.Text.Json.Nodes;
using Auctions.Grpc;
using Auctions.IntegrationTests.GrpcWeb;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using StreamGateway;
using Frame = Auctions.V1.WatchResponse.FrameOneofCase;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>The gateway with a real Postgres, change events that the test writes, and real clients.</summary>
[Collection(PostgresCollection.Name)]
public sealed class GatewayTests(PostgresServer postgres) : IAsyncLifetime
{
    private TestStack _stack = null!;
    private HandWrittenEvents _events = null!;
    private GatewayHost _gateway = null!;

    private LedgerDatabase Ledger => _stack.Database;

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(postgres, kafka: true);
        _events = new HandWrittenEvents(_stack);
        _gateway = await StartAsync();
    }

    public async Task DisposeAsync()
    {
        _events.Dispose();
        await _stack.DisposeAsync();
    }

    [Fact]
    public async Task Repeated_reordered_and_foreign_messages_never_move_a_viewer_back()
    {
        var auction = await OpenAsync();
        using var viewer = _gateway.Watch(auction);
        await FollowedAsync(viewer, auction);
        await _events.SendAsync(auction, Version(5));
        await _events.SendAsync(auction, Version(3));
        await _events.SendAsync(auction, (byte[]?)null);
        await _events.SendAsync(auction, "not an envelope"u8.ToArray());
        await _events.SendAsync(auction, row => row.Remove("price"));
        await _events.SendAsync(Guid.NewGuid(), await _events.RowAsync(auction));
        await _events.SendAsync(auction, Version(5));
        await _events.SendAsync(auction, Version(7), operation: 'r');
        await _events.SendAsync(auction, Version(6));
        await Eventually.TrueAsync(() => viewer.Version == 7);
        await _events.SendAsync(auction, row =>
        {
            Version(8)(row);
            row["status"] = "ended";
            row["winner"] = "ann";
            row["end_reason"] = "time";
        });
        await _events.SendAsync(auction, Version(4));
        await Eventually.EndsAsync(viewer.Ended);

        var versions = viewer.Frames.Select(f => f.Version).ToList();
        Assert.Equal(versions.Order(), versions);
        var last = viewer.Frames[^1];
        Assert.Equal((Frame.Ended, 8, "ann"), (last.FrameCase, last.Version, last.Ended.WinnerId));
    }

    [Fact]
    public async Task While_Kafka_is_down_viewers_stay_and_when_it_is_back_they_see_lost_changes()
    {
        var auction = await OpenAsync();
        using var viewer = _gateway.Watch(auction);
        await FollowedAsync(viewer, auction);
        _stack.Kafka.Cluster.SetDown();
        var before = viewer.Version;
        await BidAsync(auction, "ann", 5_00); // Nothing writes its event.
        using var late = _gateway.Watch(auction);
        await Eventually.TrueAsync(() => late.Frames.Count == 1); // The read for a new viewer wakes nobody else.
        _stack.Kafka.Cluster.SetUp();
        await Eventually.TrueAsync(() => viewer.Version > before);
        Assert.False(viewer.Ended.IsCompleted);
    }

    [Fact]
    public async Task One_stream_watches_a_hundred_auctions()
    {
        var auctions = new List<Guid>();
        for (var i = 0; i < 100; i++) auctions.Add(await OpenAsync());
        using var viewer = _gateway.Watch([.. auctions.Select(Target)]);
        await Eventually.TrueAsync(() => viewer.Frames.Count == 100);
        Assert.Equal(auctions.Select(a => a.ToString()).Order(), viewer.Frames.Select(f => f.AuctionId).Order());
        await FollowedAsync(viewer, auctions[^1]);

        foreach (var auction in auctions) await _events.SendAsync(auction, Cancelled(9_000));
        await Eventually.EndsAsync(viewer.Ended);
        Assert.Equal(100, viewer.Frames.Count(f => f.FrameCase == Frame.Ended));
    }

    [Fact]
    public async Task Errors_say_what_is_wrong()
    {
        var unknown = Guid.NewGuid();
        using var missing = _gateway.Watch(Target(unknown));
        var error = await missing.ErrorAsync();
        Assert.Equal((StatusCode.NotFound, "AUCTION_NOT_FOUND"), (error.StatusCode, RpcErrors.Reason(error)));
        Assert.Contains(unknown.ToString(), error.Status.Detail);

        using var some = _gateway.Watch(Target(unknown), Target(await OpenAsync()));
        await Eventually.TrueAsync(() => some.Frames.Count == 2);
        Assert.Equal([(unknown.ToString(), Frame.Error), (some.Frames[1].AuctionId, Frame.Snapshot)],
            some.Frames.Select(f => (f.AuctionId, f.FrameCase)));

        using var empty = _gateway.Watch();
        Assert.Equal(StatusCode.InvalidArgument, (await empty.ErrorAsync()).StatusCode);
    }

    [Fact]
    public async Task A_stream_over_the_limit_is_refused_until_another_one_ends()
    {
        var auction = await OpenAsync();
        var small = await StartAsync("--Gateway:MaxStreams=1");
        var first = small.Watch(auction);
        await Eventually.TrueAsync(() => first.Frames.Count == 1);
        using var second = small.Watch(auction);
        var error = await second.ErrorAsync();
        Assert.Equal((StatusCode.ResourceExhausted, "TOO_MANY_STREAMS"), (error.StatusCode, RpcErrors.Reason(error)));

        first.Dispose();
        await Eventually.TrueAsync(async () =>
        {
            using var next = small.Watch(auction);
            await Eventually.TrueAsync(() => next.Frames.Count == 1 || next.Ended.IsFaulted);
            return next.Frames.Count == 1;
        });
    }

    [Fact]
    public async Task A_gateway_that_stops_ends_its_streams_with_DRAINING()
    {
        var auction = await OpenAsync();
        using var viewer = _gateway.Watch(auction);
        await Eventually.TrueAsync(() => viewer.Frames.Count == 1);
        await Eventually.EndsAsync(_gateway.Service.App.StopAsync());
        var error = await viewer.ErrorAsync();
        Assert.Equal((StatusCode.Unavailable, "DRAINING"), (error.StatusCode, RpcErrors.Reason(error)));
    }

    [Fact]
    public async Task A_viewer_that_resumes_at_the_latest_version_gets_headers_at_once()
    {
        var auction = await OpenAsync();
        using var viewer = new WatchCall(_gateway.Client.Watch(new WatchRequest
        {
            Targets = { new WatchTarget { AuctionId = auction.ToString(), Version = 0 } },
            HeartbeatInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(60)),
        }));
        await Eventually.EndsAsync(viewer.Call.ResponseHeadersAsync);
        Assert.Empty(viewer.Frames);
    }

    [Fact]
    public async Task Without_open_reads_a_token_is_required()
    {
        var auction = await OpenAsync();
        var closed = await StartAsync("--Auth:OpenReads=false");
        using var stranger = closed.Watch(auction);
        Assert.Equal(StatusCode.Unauthenticated, (await stranger.ErrorAsync()).StatusCode);

        using var known = new WatchCall(closed.Client.Watch(
            new WatchRequest { Targets = { Target(auction) } }, TestStack.Headers("ann", Roles.Viewer)));
        await Eventually.TrueAsync(() => known.Frames.Count == 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_browser_watches_an_auction_to_its_end(bool text)
    {
        var auction = await OpenAsync();
        using var other = _gateway.Watch(auction);
        await FollowedAsync(other, auction);
        using var client = new GrpcWebClient(_gateway.WebAddress);
        using var response = await client.CallAsync(
            "/auctions.v1.StreamService/Watch", new WatchRequest { Targets = { Target(auction) } }, text);
        Assert.Equal(Frame.Snapshot, await NextAsync());
        await _events.SendAsync(auction, Version(1_000));
        Assert.Equal(Frame.Delta, await NextAsync());
        await _events.SendAsync(auction, Cancelled(1_001));
        Assert.Equal(Frame.Ended, await NextAsync());
        Assert.Null(await Eventually.EndsAsync(response.ReadAsync()));
        Assert.Equal("0", response.Trailers["grpc-status"]);

        async Task<Frame> NextAsync() =>
            WatchResponse.Parser.ParseFrom(await Eventually.EndsAsync(response.ReadAsync())).FrameCase;
    }

    [Fact]
    public async Task A_browser_that_disconnects_is_removed()
    {
        var auction = await OpenAsync();
        using var client = new GrpcWebClient(_gateway.WebAddress);
        var response = await client.CallAsync(
            "/auctions.v1.StreamService/Watch", new WatchRequest { Targets = { Target(auction) } }, text: false);
        Assert.NotNull(await Eventually.EndsAsync(response.ReadAsync()));
        var fanout = _gateway.Service.Get<AuctionFanout>();
        Assert.True(fanout.IsWatched(auction));
        response.Dispose();
        await Eventually.TrueAsync(() => !fanout.IsWatched(auction));
    }

    private static WatchTarget Target(Guid auctionId) => new() { AuctionId = auctionId.ToString() };

    /// <summary>Makes a row what it would be after that many bids.</summary>
    private static Action<JsonObject> Version(long version) => row =>
    {
        row["version"] = version;
        row["status"] = "active";
        row["price"] = version * 1_00;
        row["leader"] = "ann";
        row["bid_count"] = version;
    };

    private static Action<JsonObject> Cancelled(long version) => row =>
    {
        Version(version)(row);
        row["status"] = "cancelled";
    };

    private Task<GatewayHost> StartAsync(params string[] settings) =>
        GatewayHost.StartAsync(_stack, settings);

    private Task<Guid> OpenAsync() => Ledger.OpenAsync();

    private async Task BidAsync(Guid auction, string bidder, long max)
    {
        var bid = await Ledger.DecideAsync(auction, LedgerDatabase.Proxy(bidder, max));
        await Ledger.AppendOneAsync(bid);
    }

    /// <summary>Waits until the gateway follows the events: every later one reaches the viewer.</summary>
    private async Task FollowedAsync(WatchCall viewer, Guid auction)
    {
        await Eventually.TrueAsync(() => viewer.Frames.Any(f => f.AuctionId == auction.ToString()));
        var follower = _gateway.Service.Get<EventFollower>();
        await Eventually.TrueAsync(() => follower.IsFollowing);
    }
}

using System.IO.Compression;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Headers, trailers, statuses and compression over a real connection.</summary>
public class WireTests
{
    [Fact]
    public async Task Headers_go_both_ways_text_and_binary()
    {
        await using var host = await EchoHost.StartAsync();
        host.Behaviour.BeforeAnswer = context => context.WriteResponseHeadersAsync(new Metadata
        {
            { "back", string.Join(',', context.RequestHeaders.GetAll("k").Select(entry => entry.Value)) },
            { "back-bin", context.RequestHeaders.GetValueBytes("k-bin")! },
        });
        var call = host.Client.UnaryAsync(
            new EchoRequest(), new Metadata { { "K", "1" }, { "k", "2" }, { "k-bin", [0, 255, 128] } });
        var headers = await call.ResponseHeadersAsync;
        await call;
        Assert.Equal("1, 2", headers.GetValue("back")); // HTTP lets a repeated header be joined
        Assert.Equal([0, 255, 128], headers.GetValueBytes("back-bin")!);
    }

    [Fact]
    public async Task Trailers_come_with_a_success()
    {
        await using var host = await EchoHost.StartAsync();
        host.Behaviour.BeforeAnswer = context =>
        {
            context.ResponseTrailers.Add("version", "7");
            return Task.CompletedTask;
        };
        var call = host.Client.UnaryAsync(new EchoRequest());
        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
        await call;
        Assert.Equal("7", call.GetTrailers().GetValue("version"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_refusal_carries_its_detail_and_its_status_details()
    {
        await using var host = await EchoHost.StartAsync();
        byte[] details = [8, 9, 18, 3, 97, 98, 99]; // google.rpc.Status: code 9, a message
        host.Behaviour.BeforeAnswer = _ => throw new RpcException(
            new Status(StatusCode.FailedPrecondition, "too low: 5 €"), new Metadata { { "grpc-status-details-bin", details } });
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync);
        Assert.Equal((StatusCode.FailedPrecondition, "too low: 5 €"), (refused.StatusCode, refused.Status.Detail));
        Assert.Equal(details, refused.Trailers.GetValueBytes("grpc-status-details-bin")!);
    }

    [Fact]
    public async Task A_status_that_is_set_without_throwing_is_the_calls()
    {
        await using var host = await EchoHost.StartAsync();
        host.Behaviour.BeforeAnswer = context =>
        {
            context.Status = new Status(StatusCode.OutOfRange, "past");
            return Task.CompletedTask;
        };
        using var call = host.Client.ServerStream(new EchoRequest { Count = 1 });
        Assert.True(await call.ResponseStream.MoveNext());
        var ended = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.OutOfRange, ended.StatusCode);
        Assert.Equal(StatusCode.OutOfRange, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task The_server_knows_the_method_the_peer_and_that_it_is_not_authenticated()
    {
        await using var host = await EchoHost.StartAsync();
        ServerCallContext? seen = null;
        host.Behaviour.BeforeAnswer = context =>
        {
            context.UserState["k"] = "v";
            Assert.Equal("v", context.UserState["k"]);
            Assert.False(context.AuthContext.IsPeerAuthenticated);
            Assert.Empty(context.AuthContext.PeerIdentity);
            Assert.Equal("/auctions.feed.tests.Echo/Unary", context.Method);
            Assert.StartsWith("ipv4:127.0.0.1:", context.Peer, StringComparison.Ordinal);
            seen = context;
            return Task.CompletedTask;
        };
        await host.Client.UnaryAsync(new EchoRequest());
        Assert.NotNull(seen);
    }

    [Theory]
    [InlineData("gzip", 0)]
    [InlineData("gzip", 5000)]
    [InlineData("deflate", 0)]
    [InlineData("deflate", 5000)]
    public async Task Messages_are_compressed_both_ways(string encoding, int length)
    {
        await using var host = await EchoHost.StartAsync(
            options =>
            {
                options.CompressionProviders = Providers();
                options.ResponseCompressionAlgorithm = encoding;
            },
            channelOptions: options => options.CompressionProviders = Providers());
        string? sent = null;
        host.Behaviour.BeforeAnswer = context =>
        {
            sent = context.GetHttpContext().Request.Headers["grpc-encoding"];
            return Task.CompletedTask;
        };
        var text = new string('a', length);
        var call = host.Client.UnaryAsync(
            new EchoRequest { Text = text }, new Metadata { { "grpc-internal-encoding-request", encoding } });
        Assert.Equal(text, (await call).Text);
        Assert.Equal(encoding, sent);

        static List<ICompressionProvider> Providers() =>
            [new GzipCompressionProvider(CompressionLevel.Fastest), new DeflateCompressionProvider(CompressionLevel.Fastest)];
    }

    [Fact]
    public async Task A_channel_reports_its_state()
    {
        await using var host = await EchoHost.StartAsync();
        Assert.Equal(ConnectivityState.Idle, host.Channel.State);
        await host.Channel.ConnectAsync();
        Assert.Equal(ConnectivityState.Ready, host.Channel.State);
        await host.Channel.ShutdownAsync();
    }
}

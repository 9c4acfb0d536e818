using Auctions.Grpc;
using Auctions.IntegrationTests.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.IntegrationTests.Viewers;
using Auctions.V1;
using Grpc.Core;

namespace Auctions.IntegrationTests.Limits;

/// <summary>A stream lives no longer than its token. The tokens live for some seconds, without a skew.</summary>
public sealed class TokenLifetimeTests(PostgresServer postgres) : IClassFixture<PostgresServer>
{
    [Fact]
    public async Task A_stream_with_requests_ends_when_its_token_expires()
    {
        await using var host = await ProbeHost.StartAsync("--Auth:ClockSkewSeconds=0");
        await ExpiresAsync(async headers =>
        {
            using var stream = host.Client.PlaceBids(headers);
            await stream.RequestStream.WriteAsync(
                new PlaceBidsRequest { Bid = new PlaceBidRequest { AuctionId = ProbeService.Echo } });
            Assert.True(await Eventually.EndsAsync(stream.ResponseStream.MoveNext(default)));
            return await Assert.ThrowsAsync<RpcException>(
                () => Eventually.EndsAsync(stream.ResponseStream.MoveNext(default)));
        });
    }

    [Fact]
    public async Task A_viewers_stream_ends_when_its_token_expires_and_an_anonymous_one_goes_on()
    {
        await using var stack = await TestStack.StartAsync(postgres, kafka: true);
        var gateway = await GatewayHost.StartAsync(stack, "--Auth:ClockSkewSeconds=0");
        var auction = await stack.Database.OpenAsync();
        using var anonymous = gateway.Watch(auction);
        await ExpiresAsync(async headers =>
        {
            var target = new WatchTarget { AuctionId = $"{auction}" };
            using var call = new WatchCall(gateway.Client.Watch(new WatchRequest { Targets = { target } }, headers));
            return await call.ErrorAsync();
        });
        await Eventually.TrueAsync(() => anonymous.Frames.Count > 0);
        Assert.False(anonymous.Ended.IsCompleted);
    }

    /// <summary>
    /// On a busy machine a token may expire before its stream is open: then the next one lives longer.
    /// </summary>
    private static async Task ExpiresAsync(Func<Metadata, Task<RpcException>> run)
    {
        for (var seconds = 2; ; seconds *= 2)
        {
            var headers = TestStack.Bearer(
                TestStack.Tokens.Mint("ann", Roles.Bidder | Roles.Viewer, TimeSpan.FromSeconds(seconds)));
            try
            {
                var e = await run(headers);
                Assert.Equal((StatusCode.Unauthenticated, "TOKEN_EXPIRED"), (e.StatusCode, RpcErrors.Reason(e)));
                return;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unauthenticated && seconds < 60)
            {
                // It expired before the stream had answered.
            }
        }
    }
}

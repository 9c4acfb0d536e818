using Auctions.Grpc;
using Auctions.IntegrationTests.GrpcWeb;
using Auctions.IntegrationTests.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1;
using Microsoft.Extensions.Logging;
using static Auctions.IntegrationTests.Limits.RawCalls;

namespace Auctions.IntegrationTests.Limits;

/// <summary>
/// What one caller may use. Nobody waits for time here: the rates are small, and a test sends far more than comes back
/// while it runs.
/// </summary>
public sealed class CallLimitTests
{
    private const int Many = 60;

    [Theory]
    [InlineData("CallsPerSubject", "ann", "bob", Caller.CallsExemption)]
    [InlineData("AnonymousCallsPerConnection", null, "bob", null)]
    [InlineData("CallsPerConnection", "ann", null, Caller.CallsExemption)]
    public async Task A_caller_over_its_rate_is_refused_and_the_others_are_not(
        string limit, string? abuser, string? honest, string? exemption)
    {
        await using var host = await ProbeHost.StartAsync($"--Limits:{limit}=1");
        var refused = 0;
        for (var i = 0; i < Many; i++)
        {
            try
            {
                await ReadAsync(host.Client, abuser);
            }
            catch (RpcException e)
            {
                AssertRefusal(e, "TOO_MANY_CALLS");
                refused++;
            }
        }

        Assert.InRange(refused, Many / 2, Many - 2);
        using var other = GrpcChannel.ForAddress(host.App.Urls.First());
        await ReadAsync(honest is null ? new(other) : host.Client, honest);
        if (exemption is not null)
        {
            for (var i = 0; i < Many; i++) await ReadAsync(host.Client, "cleo", exemption);
        }

        Assert.Contains(host.Log.Lines, l => l.Level == LogLevel.Warning
            && l.Text.StartsWith("Calls are refused by the limit", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_connection_may_present_only_so_many_unknown_tokens_and_known_ones_without_a_limit()
    {
        await using var host = await ProbeHost.StartAsync("--Limits:TokenChecksPerConnection=1");
        var known = TestStack.Headers("bob", Roles.Bidder);
        await host.Client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), known);
        var codes = new List<StatusCode>();
        for (var i = 0; i < Many; i++)
            codes.Add((await FailureAsync(host.Client, TestStack.Bearer($"nonsense-{i}"))).StatusCode);
        Assert.Contains(StatusCode.ResourceExhausted, codes);
        for (var i = 0; i < Many; i++) await host.Client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), known);
    }

    [Theory]
    [InlineData("StreamsPerSubject", false)]
    [InlineData("StreamsPerConnection", true)]
    public async Task A_caller_with_too_many_streams_is_refused_until_it_ends_one(string limit, bool perConnection)
    {
        await using var host = await ProbeHost.StartAsync($"--Limits:{limit}=3");
        using var second = GrpcChannel.ForAddress(host.App.Urls.First());
        var others = perConnection ? new V1.BiddingService.BiddingServiceClient(second) : host.Client;
        var streams = new List<AsyncDuplexStreamingCall<PlaceBidsRequest, PlaceBidsResponse>>();
        for (var i = 0; i < 3; i++) streams.Add(await OpenAsync(host.Client, "ann"));

        var more = host.Client.PlaceBids(TestStack.Headers("ann", Roles.Bidder));
        AssertRefusal(await Assert.ThrowsAsync<RpcException>(() => more.ResponseStream.MoveNext(default)),
            "TOO_MANY_STREAMS");
        using var other = await OpenAsync(others, "bob");
        using var exempt = await OpenAsync(host.Client, "ann", Caller.StreamsExemption);

        streams[0].Dispose();
        await Eventually.TrueAsync(async () =>
        {
            var again = host.Client.PlaceBids(TestStack.Headers("ann", Roles.Bidder));
            return !await FailsAsync(again);
        });
        foreach (var stream in streams) stream.Dispose();
    }

    [Theory]
    [InlineData("InFlightPerSubject", "ann")]
    [InlineData("AnonymousInFlightPerConnection", null)]
    [InlineData("AnonymousInFlightMax", null)]
    public async Task A_caller_with_too_many_calls_in_flight_is_refused_until_one_has_ended(
        string limit, string? abuser)
    {
        await using var host = await ProbeHost.StartAsync($"--Limits:{limit}=2");
        var before = ProbeService.Runs(ProbeService.Wait);
        var waiting = new GetBidOutcomeRequest { AuctionId = ProbeService.Wait };
        Metadata headers = abuser is null ? [] : TestStack.Headers(abuser, Roles.Bidder);
        using var one = host.Client.GetBidOutcomeAsync(waiting, headers);
        using var two = host.Client.GetBidOutcomeAsync(waiting, headers);
        await Eventually.TrueAsync(() => ProbeService.Runs(ProbeService.Wait) >= before + 2);

        AssertRefusal(await FailureAsync(host.Client, headers), "TOO_MANY_IN_FLIGHT");
        await ReadAsync(host.Client, "bob");
        await ReadAsync(host.Client, "ann", Caller.InFlightExemption);

        one.Dispose();
        await Eventually.TrueAsync(async () => !await FailsAsync(host.Client, headers));
    }

    [Fact]
    public async Task Health_and_reflection_streams_are_limited_too()
    {
        await using var host = await ProbeHost.StartAsync("--Limits:PublicStreamsMax=2");
        var health = new Health.HealthClient(host.Channel);
        using var watch = health.Watch(new HealthCheckRequest());
        Assert.True(await watch.ResponseStream.MoveNext(default));
        using var reflection = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await reflection.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.True(await reflection.ResponseStream.MoveNext(default));

        using var third = health.Watch(new HealthCheckRequest());
        AssertRefusal(await Assert.ThrowsAsync<RpcException>(() => third.ResponseStream.MoveNext(default)),
            "TOO_MANY_STREAMS");

        // A probe takes no stream.
        await health.CheckAsync(new HealthCheckRequest());
    }

    [Fact]
    public async Task Reflection_can_be_switched_off()
    {
        await using var host = await ProbeHost.StartAsync("--Reflection:Enabled=false");
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task A_refusal_of_a_web_page_is_in_the_headers_with_its_details()
    {
        await using var host = await ProbeHost.StartAsync(
            "--Listen:GrpcWeb=127.0.0.1:0", "--Limits:AnonymousCallsPerConnection=1");
        using var client = new GrpcWebClient(host.App.Urls.Last());
        foreach (var text in new[] { false, true })
        {
            for (var i = 0; i < Many; i++)
            {
                using var response = await client.CallAsync(OpenRead, new GetBidOutcomeRequest(), text);
                await response.ReadAllAsync();
                if (i < Many - 1) continue;
                Assert.Equal((System.Net.HttpStatusCode.OK, text ? GrpcWebClient.Text : GrpcWebClient.Binary, "8"),
                    (response.Http.StatusCode, response.ContentType, response.Trailers["grpc-status"]));
                Assert.True(response.Http.Headers.Contains(RpcErrors.DetailsTrailer));
            }
        }
    }

    [Theory]
    [InlineData("X-Forwarded-For", "198.51.100.1:1001", "198.51.100.1:1002")]
    [InlineData("X-Forwarded-For", "203.0.113.9, 198.51.100.1:1001", "203.0.113.9, 198.51.100.1:1002")]
    [InlineData("X-Forwarded-For", "[2001:db8::1]:1001", "[2001:db8::1]:1002")]
    [InlineData("Forwarded", "for=\"198.51.100.1:1001\"", "for=203.0.113.9, for=\"[2001:db8::1]:1002\";proto=https")]
    public async Task Behind_a_listed_proxy_the_clients_connection_counts(string header, string first, string second)
    {
        await using var host = await ProbeHost.StartAsync(
            "--Limits:AnonymousCallsPerConnection=1", "--Limits:Proxies:0=127.0.0.0/8",
            $"--Limits:ProxyHeader={header}");
        Assert.InRange(await RefusedAsync(first), Many / 2, Many - 2);
        Assert.InRange(await RefusedAsync(second), Many / 2, Many - 2);
        Assert.InRange(await RefusedAsync(""), Many / 2, Many - 2);

        async Task<int> RefusedAsync(string value)
        {
            var refused = 0;
            for (var i = 0; i < Many; i++)
            {
                var headers = value.Length == 0 ? [] : new Metadata { { header, value } };
                if (await FailsAsync(host.Client, headers)) refused++;
            }

            return refused;
        }
    }

    [Fact]
    public async Task Nobody_else_may_say_whose_connection_it_is()
    {
        await using var host = await ProbeHost.StartAsync("--Limits:AnonymousCallsPerConnection=1");
        var refused = 0;
        for (var i = 0; i < Many; i++)
        {
            var headers = new Metadata { { "x-forwarded-for", $"198.51.100.1:{1000 + i}" } };
            if (await FailsAsync(host.Client, headers)) refused++;
        }

        Assert.InRange(refused, Many / 2, Many - 2);
    }

    [Fact]
    public async Task An_address_has_no_limit_unless_it_is_configured_and_never_on_the_loopback()
    {
        await using var host = await ProbeHost.StartAsync("--Limits:CallsPerPeer=1", "--Limits:Proxies:0=127.0.0.1");
        for (var i = 0; i < Many; i++) await ReadAsync(host.Client, null);
        var refused = 0;
        for (var i = 0; i < Many; i++)
        {
            var headers = new Metadata { { "x-forwarded-for", $"198.51.100.1:{1000 + i}" } };
            if (await FailsAsync(host.Client, headers)) refused++;
        }

        Assert.InRange(refused, Many / 2, Many - 2);
    }

    private static void AssertRefusal(RpcException e, string reason)
    {
        Assert.Equal((StatusCode.ResourceExhausted, reason), (e.StatusCode, RpcErrors.Reason(e)));
        Assert.NotNull(RpcErrors.Detail<RetryInfo>(e));
    }

    private static async Task ReadAsync(
        V1.BiddingService.BiddingServiceClient client, string? subject, params string[] exemptions) =>
        await client.GetBidOutcomeAsync(new GetBidOutcomeRequest(),
            subject is null ? [] : TestStack.Headers(subject, Roles.Bidder, exemptions));

    private static async Task<RpcException> FailureAsync(
        V1.BiddingService.BiddingServiceClient client, Metadata headers) => await Assert.ThrowsAsync<RpcException>(
        async () => await client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), headers));

    private static async Task<bool> FailsAsync(V1.BiddingService.BiddingServiceClient client, Metadata headers)
    {
        try
        {
            await client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), headers);
            return false;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
        {
            return true;
        }
    }

    /// <summary>Whether a stream is refused: it is open once it has answered a bid, with whatever error.</summary>
    private static async Task<bool> FailsAsync(AsyncDuplexStreamingCall<PlaceBidsRequest, PlaceBidsResponse> stream)
    {
        using (stream)
        {
            try
            {
                await stream.RequestStream.WriteAsync(
                    new PlaceBidsRequest { Bid = new PlaceBidRequest { AuctionId = ProbeService.Echo } });
                await stream.ResponseStream.MoveNext(default);
                return false;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                return true;
            }
        }
    }

    private static async Task<AsyncDuplexStreamingCall<PlaceBidsRequest, PlaceBidsResponse>> OpenAsync(
        V1.BiddingService.BiddingServiceClient client, string subject, params string[] exemptions)
    {
        var stream = client.PlaceBids(TestStack.Headers(subject, Roles.Bidder, exemptions));
        await stream.RequestStream.WriteAsync(
            new PlaceBidsRequest { Bid = new PlaceBidRequest { AuctionId = ProbeService.Echo } });
        Assert.True(await Eventually.EndsAsync(stream.ResponseStream.MoveNext(default)));
        return stream;
    }
}

using System.Net;
using System.Text;
using Auctions.Grpc;
using Auctions.IntegrationTests.Hosting;
using Auctions.V1;
using Grpc.Health.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Auctions.IntegrationTests.GrpcWeb;

/// <summary>A service that web pages may call, and a client that calls as a browser does.</summary>
public sealed class GrpcWebHost : IAsyncLifetime
{
    public const string Origin = "https://page.example";

    private ProbeHost _host = null!;

    internal GrpcWebClient Client { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _host = await ProbeHost.StartAsync("--Listen:GrpcWeb=127.0.0.1:0", $"--GrpcWeb:Origins:0={Origin}");
        Client = new GrpcWebClient(_host.App.Urls.Last());
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await _host.DisposeAsync();
    }
}

/// <summary>Calls of a browser, which has neither HTTP/2 frames nor trailers.</summary>
public sealed class GrpcWebTests(GrpcWebHost host) : IClassFixture<GrpcWebHost>
{
    private const string Check = "/grpc.health.v1.Health/Check";
    private const string PlaceBid = "/auctions.v1.BiddingService/PlaceBid";
    private const string Watch = "/grpc.health.v1.Health/Watch";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_unary_call_is_answered_with_trailers_in_the_body(bool text)
    {
        using var response = await host.Client.CallAsync(Check, new HealthCheckRequest(), text);
        var message = Assert.Single(await response.ReadAllAsync());
        Assert.Equal(HttpStatusCode.OK, response.Http.StatusCode);
        Assert.Equal(text ? GrpcWebClient.Text : GrpcWebClient.Binary, response.ContentType);
        Assert.Equal(ServingStatus.Serving, HealthCheckResponse.Parser.ParseFrom(message).Status);
        Assert.Equal("0", response.Trailers["grpc-status"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Messages_of_a_stream_arrive_while_it_is_open(bool text)
    {
        using var response = await host.Client.CallAsync(Watch, new HealthCheckRequest(), text);
        var message = await Eventually.EndsAsync(response.ReadAsync());
        Assert.Equal(ServingStatus.Serving, HealthCheckResponse.Parser.ParseFrom(message).Status);
        Assert.False(response.ReadAsync().IsCompleted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_error_before_any_message_is_in_the_headers_with_its_details(bool text)
    {
        using var response = await host.Client.CallAsync(PlaceBid, new PlaceBidRequest(), text);
        Assert.Empty(await response.ReadAllAsync());
        Assert.Equal("16", response.Trailers["grpc-status"]);
        Assert.True(response.Http.Headers.Contains("grpc-status-details-bin"));
        Assert.Equal(text ? GrpcWebClient.Text : GrpcWebClient.Binary, response.ContentType);
    }

    [Fact]
    public async Task A_method_that_does_not_exist_is_unimplemented_and_not_a_404()
    {
        using var response = await host.Client.CallAsync(
            "/auctions.v1.Nothing/Nowhere", new HealthCheckRequest(), text: false);
        Assert.Equal((HttpStatusCode.OK, "12"), (response.Http.StatusCode, response.Trailers["grpc-status"]));
    }

    [Fact]
    public async Task A_text_request_may_be_padded_in_the_middle()
    {
        // Some clients encode the prefix and the message separately.
        var frame = GrpcWebClient.Frame(new HealthCheckRequest { Service = "grpc.health.v1.Health" });
        var body = Convert.ToBase64String(frame[..5]) + Convert.ToBase64String(frame[5..]);
        Assert.Contains('=', body[..^4]);
        using var response = await host.Client.CallAsync(Check, GrpcWebClient.Text, Encoding.ASCII.GetBytes(body));
        Assert.Single(await response.ReadAllAsync());
        Assert.Equal("0", response.Trailers["grpc-status"]);
    }

    [Theory]
    [InlineData("AAAA!AAA")]
    [InlineData("AAA")]
    [InlineData("=AAA")]
    [InlineData("AAAA====")]
    public async Task Invalid_base64_is_an_invalid_argument(string body)
    {
        using var response = await host.Client.CallAsync(Check, GrpcWebClient.Text, Encoding.ASCII.GetBytes(body));
        Assert.Empty(await response.ReadAllAsync());
        Assert.Equal((HttpStatusCode.OK, "3"), (response.Http.StatusCode, response.Trailers["grpc-status"]));
        using var next = await host.Client.CallAsync(Check, new HealthCheckRequest(), text: true);
        Assert.Single(await next.ReadAllAsync());
    }

    [Fact]
    public async Task A_text_request_that_is_too_large_is_refused()
    {
        var body = Encoding.ASCII.GetBytes(new string('A', WebTextGuard.TextLengthMax + 4));
        using var response = await host.Client.CallAsync(Check, GrpcWebClient.Text, body);
        Assert.Equal((HttpStatusCode.OK, "3"), (response.Http.StatusCode, response.Trailers["grpc-status"]));
    }

    [Fact]
    public async Task A_client_that_accepts_text_gets_text()
    {
        using var response = await host.Client.CallAsync(
            Check, GrpcWebClient.Binary, GrpcWebClient.Frame(new HealthCheckRequest()), accept: GrpcWebClient.Text);
        Assert.Equal(GrpcWebClient.Text, response.ContentType);
        Assert.Single(await response.ReadAllAsync());
    }

    [Fact]
    public async Task A_truncated_message_is_an_error_and_not_a_hang()
    {
        using var response = await host.Client.CallAsync(Check, GrpcWebClient.Binary, [0, 0, 0, 0, 9, 1]);
        Assert.Empty(await response.ReadAllAsync());
        Assert.NotEqual("0", response.Trailers["grpc-status"]);
    }

    [Fact]
    public async Task An_allowed_origin_may_call_and_read_the_status()
    {
        using var preflight = new HttpRequestMessage(HttpMethod.Options, Check);
        preflight.Headers.Add("origin", GrpcWebHost.Origin);
        preflight.Headers.Add("access-control-request-method", "POST");
        preflight.Headers.Add("access-control-request-headers", "content-type,x-grpc-web,authorization");
        using var allowed = await host.Client.SendAsync(preflight);
        Assert.Equal(GrpcWebHost.Origin, Header(allowed, "access-control-allow-origin"));
        Assert.Contains("authorization", Header(allowed, "access-control-allow-headers"));

        using var response = await host.Client.PostAsync(
            Check, GrpcWebClient.Binary, GrpcWebClient.Frame(new HealthCheckRequest()), origin: GrpcWebHost.Origin);
        Assert.Equal(
            "grpc-status,grpc-message,grpc-status-details-bin", Header(response, "access-control-expose-headers"));
    }

    [Fact]
    public async Task Another_origin_may_not_call()
    {
        using var response = await host.Client.PostAsync(
            Check, GrpcWebClient.Binary, GrpcWebClient.Frame(new HealthCheckRequest()),
            origin: "https://other.example");
        Assert.False(response.Headers.Contains("access-control-allow-origin"));
    }

    [Theory]
    [InlineData("auctions.example")]
    [InlineData("https://auctions.example/")]
    [InlineData("ftp://auctions.example")]
    public void An_invalid_origin_is_named(string origin)
    {
        var options = new WebClientOptions { Origins = ["https://fine.example", origin] };
        Assert.Contains($"'{origin}'", Assert.Single(options.Failures()));
    }

    private static string Header(HttpResponseMessage response, string name) =>
        string.Join(',', response.Headers.GetValues(name));
}

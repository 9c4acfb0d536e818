using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Microsoft.Extensions.Options;

namespace Auctions.IntegrationTests.Hosting;

public sealed class ConfigurationTests
{
    [Theory]
    [InlineData("Listen:Grpc", "nowhere")]
    [InlineData("Listen:Grpc", "127.0.0.1:70000")]
    [InlineData("Listen:GrpcWeb", "5001")]
    [InlineData("Listen:DrainDelayMs", "-1")]
    [InlineData("Auth:Hs256Key", "c2hvcnQ=")]
    [InlineData("Auth:Hs256Key", "not base64")]
    [InlineData("Auth:Hs256Key", "")]
    [InlineData("Auth:JwksUrl", "https://issuer.example/keys")]
    [InlineData("Auth:Issuer", "")]
    [InlineData("Auth:Audience", "")]
    [InlineData("Auth:ClockSkewSeconds", "301")]
    [InlineData("Limits:CallsPerSubject", "0")]
    [InlineData("Limits:CallsPerPeer", "-1")]
    [InlineData("Limits:StreamsPerConnection", "1000001")]
    [InlineData("Limits:RequestTimeoutMs", "99")]
    [InlineData("Limits:ProxyHeader", "X-Real-IP")]
    [InlineData("Limits:Proxies:0", "10.0.0.0/33")]
    public async Task A_service_does_not_start_with_a_wrong_setting_and_names_it(string key, string value)
    {
        var e = await Assert.ThrowsAsync<OptionsValidationException>(
            () => ProbeHost.StartAsync($"--{key}={value}"));
        Assert.Contains(key.Replace(":0", "", StringComparison.Ordinal), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_never_appears_in_an_error()
    {
        var e = await Assert.ThrowsAsync<OptionsValidationException>(
            () => ProbeHost.StartAsync("--Auth:Hs256Key=c2hvcnQ="));
        Assert.DoesNotContain("c2hvcnQ", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_connection_carries_as_many_calls_at_once_as_it_may_have_streams()
    {
        var bound = TimeSpan.FromSeconds(60);
        await using var host = await ProbeHost.StartAsync();
        var headers = TestStack.Headers("ann", Roles.Bidder, Caller.StreamsExemption);
        var calls = Enumerable.Range(1, ListenOptions.MaxStreamsPerConnection - 1)
            .Select(_ => host.Client.PlaceBids(headers)).ToList();

        // All of them are open at once: the server has answered none, and accepts and answers one more.
        await Task.WhenAll(calls.Select(c => c.RequestStream.WriteAsync(new PlaceBidsRequest()).WaitAsync(bound)));
        var deadline = TimeProvider.System.GetUtcNow().UtcDateTime + bound;
        await host.Client.PlaceBidAsync(new PlaceBidRequest(), headers, deadline);
        foreach (var call in calls) call.Dispose();
    }
}

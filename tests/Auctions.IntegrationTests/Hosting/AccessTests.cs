using System.Security.Cryptography;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Hosting;

public sealed class AccessTests : IAsyncLifetime
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private ProbeHost _host = null!;

    private V1.BiddingService.BiddingServiceClient Client => new(_host.Channel);

    public async Task InitializeAsync() => _host = await ProbeHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_method_sees_who_calls()
    {
        var token = _host.Tokens.Mint("ann", Roles.Bidder | Roles.Viewer, Hour, "velocity", "other");
        var answer = await Client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(token));
        Assert.Equal("ann Bidder, Viewer velocity+other", answer.Result.BidId);

        // The second call is answered from what is remembered of the token.
        Assert.Equal(answer, await Client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(token)));
    }

    [Fact]
    public async Task A_call_without_a_token_is_unauthenticated_and_says_why() =>
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_MISSING", new Metadata());

    [Fact]
    public async Task An_expired_token_is_refused_as_such()
    {
        var token = _host.Tokens.Mint("ann", Roles.Bidder, TimeSpan.FromMinutes(-5));
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_EXPIRED", ProbeHost.Bearer(token));
    }

    [Fact]
    public async Task A_remembered_token_expires_too()
    {
        // The allowed difference of clocks is 30 s: good for about two more seconds.
        var token = _host.Tokens.Mint("ann", Roles.Bidder, TimeSpan.FromSeconds(-28));
        await Client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(token));
        var clock = TimeProvider.System;
        var began = clock.GetTimestamp();
        while (true)
        {
            try
            {
                await Client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(token));
                Assert.True(clock.GetElapsedTime(began) < TimeSpan.FromSeconds(10), "The token is still good after 10 s.");
            }
            catch (RpcException e)
            {
                Assert.Equal("TOKEN_EXPIRED", RpcErrors.Reason(e));
                return;
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("tab\there")]
    [InlineData("ümlaut")]
    [InlineData("long")]
    public async Task A_subject_that_could_break_a_stored_line_is_refused(string subject)
    {
        if (subject == "long") subject = new string('a', Caller.MaxSubjectLength + 1);
        var token = _host.Tokens.Mint(subject, Roles.Bidder, Hour);
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", ProbeHost.Bearer(token));
    }

    [Fact]
    public async Task A_token_signed_with_another_key_is_refused()
    {
        var other = new TokenIssuer(RandomNumberGenerator.GetBytes(32), TimeProvider.System);
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", ProbeHost.Bearer(other.Mint("ann", Roles.Bidder, Hour)));
    }

    [Fact]
    public async Task A_token_of_another_issuer_or_for_another_audience_is_refused()
    {
        var key = Convert.FromBase64String(_host.App.Configuration["Auth:Hs256Key"]!);
        foreach (var (issuer, audience) in new[] { ("others", "auctions"), ("auctions", "others") })
        {
            var token = new TokenIssuer(key, TimeProvider.System, issuer, audience).Mint("ann", Roles.Bidder, Hour);
            await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", ProbeHost.Bearer(token));
        }
    }

    [Fact]
    public async Task A_token_without_a_signature_or_an_expiry_is_refused()
    {
        var unsigned = new JsonWebTokenHandler().CreateToken(Described(null));
        var endless = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(Described(
            new SigningCredentials(new SymmetricSecurityKey(Convert.FromBase64String(_host.App.Configuration["Auth:Hs256Key"]!)), SecurityAlgorithms.HmacSha256)));
        foreach (var token in new[] { unsigned, endless, "nonsense", "" })
            await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", ProbeHost.Bearer(token));
    }

    [Fact]
    public async Task The_right_key_with_another_algorithm_is_refused()
    {
        // Long enough for HS512, which would be refused for the key's length otherwise.
        var key = RandomNumberGenerator.GetBytes(64);
        await using var host = await ProbeHost.StartAsync(new() { ["Auth:Hs256Key"] = Convert.ToBase64String(key) });
        var client = new V1.BiddingService.BiddingServiceClient(host.Channel);
        await client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(Token(SecurityAlgorithms.HmacSha256)));
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(Token(SecurityAlgorithms.HmacSha512))));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_INVALID"), (e.StatusCode, RpcErrors.Reason(e)));

        string Token(string algorithm) =>
            new JsonWebTokenHandler().CreateToken(Described(new SigningCredentials(new SymmetricSecurityKey(key), algorithm)));
    }

    [Fact]
    public async Task Two_tokens_are_no_token()
    {
        var token = _host.Tokens.Mint("ann", Roles.Bidder, Hour);
        var both = ProbeHost.Bearer(token);
        both.Add("authorization", $"Bearer {token}");
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", both);
    }

    [Fact]
    public async Task Without_the_role_permission_is_denied()
    {
        var token = _host.Tokens.Mint("ann", Roles.Seller | Roles.Service, Hour);
        await RefusedAsync(StatusCode.PermissionDenied, "ROLE_MISSING", ProbeHost.Bearer(token));
    }

    [Fact]
    public async Task An_open_read_needs_no_token_and_yet_no_bad_one_will_do()
    {
        Assert.Equal("", (await Client.GetBidOutcomeAsync(new GetBidOutcomeRequest())).Result.BidId);
        var good = ProbeHost.Bearer(_host.Tokens.Mint("vic", Roles.None, Hour));
        Assert.Equal("vic", (await Client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), good)).Result.BidId);

        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await Client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), ProbeHost.Bearer("nonsense")));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_INVALID"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task An_empty_header_is_no_token_and_not_the_lack_of_one()
    {
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await Client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), new Metadata { { "authorization", "" } }));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_INVALID"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task A_read_that_the_configuration_closes_needs_a_token()
    {
        await using var closed = await ProbeHost.StartAsync(new() { ["Auth:OpenReads"] = "false" });
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await new V1.BiddingService.BiddingServiceClient(closed.Channel).GetBidOutcomeAsync(new GetBidOutcomeRequest()));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_MISSING"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task Published_keys_are_believed_and_never_taken_for_shared_ones()
    {
        using var rsa = RSA.Create(2048);
        var key = new RsaSecurityKey(rsa) { KeyId = "one" };
        await using var issuer = await PublishAsync(JsonWebKeyConverter.ConvertFromRSASecurityKey(new RsaSecurityKey(rsa.ExportParameters(false)) { KeyId = "one" }));
        await using var host = await ProbeHost.StartAsync(new() { ["Auth:Hs256Key"] = "", ["Auth:JwksUrl"] = $"{issuer.Urls.First()}/keys" });
        var client = new V1.BiddingService.BiddingServiceClient(host.Channel);

        var good = new JsonWebTokenHandler().CreateToken(Described(new SigningCredentials(key, SecurityAlgorithms.RsaSha256)));
        Assert.StartsWith("ann ", (await client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(good))).Result.BidId, StringComparison.Ordinal);

        var confused = new JsonWebTokenHandler().CreateToken(Described(new SigningCredentials(
            new SymmetricSecurityKey(rsa.ExportRSAPublicKey()) { KeyId = "one" }, SecurityAlgorithms.HmacSha256)));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(confused)));
        Assert.Equal("TOKEN_INVALID", RpcErrors.Reason(e));
    }

    [Fact]
    public async Task While_the_issuers_keys_cannot_be_read_the_service_is_unavailable()
    {
        await using var host = await ProbeHost.StartAsync(new() { ["Auth:Hs256Key"] = "", ["Auth:JwksUrl"] = "http://127.0.0.1:9/keys" });
        var client = new V1.BiddingService.BiddingServiceClient(host.Channel);
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await client.PlaceBidAsync(new PlaceBidRequest(), ProbeHost.Bearer(_host.Tokens.Mint("ann", Roles.Bidder, Hour))));
        Assert.Equal((StatusCode.Unavailable, "KEYS_UNAVAILABLE"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    private static SecurityTokenDescriptor Described(SigningCredentials? credentials) => new()
    {
        Issuer = "auctions",
        Audience = "auctions",
        Claims = new Dictionary<string, object> { ["sub"] = "ann", ["role"] = "bidder" },
        SigningCredentials = credentials,
    };

    private static async Task<WebApplication> PublishAsync(JsonWebKey key)
    {
        var app = WebApplication.CreateSlimBuilder().Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapGet("/keys", () => Results.Json(new { keys = new[] { new { kty = key.Kty, kid = key.Kid, n = key.N, e = key.E, use = "sig" } } }));
        await app.StartAsync();
        return app;
    }

    private async Task RefusedAsync(StatusCode code, string reason, Metadata headers)
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await Client.PlaceBidAsync(new PlaceBidRequest(), headers));
        Assert.Equal((code, reason), (e.StatusCode, RpcErrors.Reason(e)));
        Assert.Equal((int)code, e.GetRpcStatus()!.Code);
    }
}

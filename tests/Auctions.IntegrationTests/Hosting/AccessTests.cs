using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Auctions.Grpc;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Auctions.IntegrationTests.Hosting;

public sealed class AccessTests : IAsyncLifetime
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private ProbeHost _host = null!;

    public async Task InitializeAsync() => _host = await ProbeHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_method_knows_its_caller()
    {
        var token = TestStack.Tokens.Mint("ann", Roles.Bidder | Roles.Viewer, Hour, "velocity", "other");
        var caller = await BidAsync(token);
        Assert.Equal("ann Bidder, Viewer velocity+other", caller);

        // The second call uses the cached token.
        Assert.Equal(caller, await BidAsync(token));
    }

    [Fact]
    public async Task Without_the_gate_no_method_runs()
    {
        await using var host = await ProbeHost.StartWithoutGateAsync();
        var headers = TestStack.Headers("ann", Roles.Bidder);
        var unary = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Client.PlaceBidAsync(new PlaceBidRequest(), headers));
        var stream = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            using var call = host.Client.PlaceBids(headers);
            await call.RequestStream.WriteAsync(
                new PlaceBidsRequest { Bid = new PlaceBidRequest { AuctionId = ProbeService.Echo } });
            await call.ResponseStream.MoveNext(CancellationToken.None);
        });
        Assert.All([unary, stream], fault => Assert.Equal(
            (StatusCode.Internal, "INTERNAL"), (fault.StatusCode, RpcErrors.Reason(fault))));
    }

    [Fact]
    public async Task A_call_without_a_token_is_unauthenticated_and_says_why() =>
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_MISSING", new Metadata());

    [Fact]
    public async Task An_expired_token_is_refused_as_expired()
    {
        var token = TestStack.Tokens.Mint("ann", Roles.Bidder, TimeSpan.FromMinutes(-5));
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_EXPIRED", TestStack.Bearer(token));
    }

    [Fact]
    public async Task A_cached_token_expires()
    {
        var clock = new ShiftedClock();
        await using var host = await ProbeHost.StartAsync(services => services.AddSingleton<TimeProvider>(clock));
        var token = TestStack.Tokens.Mint("ann", Roles.Bidder, Hour);
        await BidAsync(token, host);
        clock.Shift = 2 * Hour;
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_EXPIRED", TestStack.Bearer(token), host);
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
        await InvalidAsync(TestStack.Tokens.Mint(subject, Roles.Bidder, Hour));
    }

    [Fact]
    public async Task A_token_signed_with_another_key_is_refused()
    {
        var other = new TokenIssuer(RandomNumberGenerator.GetBytes(32), TimeProvider.System);
        await InvalidAsync(other.Mint("ann", Roles.Bidder, Hour));
    }

    [Fact]
    public async Task A_token_of_another_issuer_or_for_another_audience_is_refused()
    {
        foreach (var (issuer, audience) in new[] { ("others", "auctions"), ("auctions", "others") })
        {
            var other = new TokenIssuer(TestStack.Key, TimeProvider.System, issuer, audience);
            await InvalidAsync(other.Mint("ann", Roles.Bidder, Hour));
        }
    }

    [Fact]
    public async Task A_token_without_a_signature_or_an_expiry_is_refused()
    {
        var unsigned = new JsonWebTokenHandler().CreateToken(Described(null));
        var endless = new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }
            .CreateToken(Described(Credentials(TestStack.Key, SecurityAlgorithms.HmacSha256)));
        foreach (var token in new[] { unsigned, endless, "nonsense", "" }) await InvalidAsync(token);
    }

    [Theory]
    [InlineData("\"exp\":9223372036854775807")]
    [InlineData("\"exp\":92233720368547758070")]
    [InlineData("\"exp\":253402300800")]
    [InlineData("\"exp\":-1")]
    [InlineData("\"exp\":-9223372036854775808")]
    [InlineData("\"exp\":0")]
    [InlineData("\"exp\":1e300")]
    [InlineData("\"exp\":\"tomorrow\"")]
    [InlineData("\"exp\":null")]
    [InlineData("\"exp\":true")]
    [InlineData("\"exp\":{}")]
    [InlineData("\"exp\":[4000000000]")]
    [InlineData("\"exp\":4000000000,\"nbf\":9223372036854775807")]
    [InlineData("\"exp\":4000000000,\"nbf\":\"now\"")]
    [InlineData("\"exp\":4000000000,\"sub\":{\"a\":1}")]
    [InlineData("\"exp\":4000000000,\"iss\":7")]
    [InlineData("\"exp\":4000000000,\"aud\":{}")]
    [InlineData("\"exp\":4000000000", "\"crit\":[\"b64\"],\"b64\":false")]
    [InlineData("\"exp\":4000000000", "\"crit\":[\"x\"],\"x\":1")]
    [InlineData("\"exp\":4000000000", "\"crit\":[]")]
    [InlineData("\"exp\":4000000000", "\"crit\":\"exp\"")]
    [InlineData("\"exp\":4000000000", "\"kid\":{}")]
    [InlineData("\"exp\":4000000000", "\"zip\":\"DEF\",\"crit\":null")]
    public async Task An_odd_token_is_refused(string claims, string header = "\"typ\":\"JWT\"") =>
        await InvalidAsync(Signed($"{{\"alg\":\"HS256\",{header}}}",
            $"{{\"iss\":\"auctions\",\"aud\":\"auctions\",\"sub\":\"ann\",\"role\":\"bidder\",{claims}}}"));

    [Fact]
    public async Task What_is_no_token_is_refused()
    {
        await BidAsync(Signed("""{"alg":"HS256","typ":"JWT"}""",
            """{"iss":"auctions","aud":"auctions","sub":"ann","role":"bidder","exp":4000000000}"""));
        string[] odd =
        [
            ".", "..", "....", "a.b.c", "e30.e30.", "e30.e30.e30", new string('a', 9_000), Signed("[]", "[]"),
            Signed("{}", "{}"), Signed("""{"alg":"HS256"}""", "nonsense"), Signed("""{"alg":"HS256"}""", "[1]"),
        ];
        foreach (var token in odd) await InvalidAsync(token);
    }

    [Fact]
    public async Task The_right_key_with_another_algorithm_is_refused()
    {
        // The key is long enough for HS512, so the key's length is not the reason.
        var key = RandomNumberGenerator.GetBytes(64);
        await using var host = await ProbeHost.StartAsync($"--Auth:Hs256Key={Convert.ToBase64String(key)}");
        await BidAsync(Token(SecurityAlgorithms.HmacSha256), host);
        await InvalidAsync(Token(SecurityAlgorithms.HmacSha512), host);

        string Token(string algorithm) => new JsonWebTokenHandler().CreateToken(Described(Credentials(key, algorithm)));
    }

    [Fact]
    public async Task Two_tokens_in_one_call_are_invalid()
    {
        var both = TestStack.Headers("ann", Roles.Bidder);
        both.Add("authorization", both.GetValue("authorization")!);
        await RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", both);
    }

    [Fact]
    public async Task Without_the_role_permission_is_denied()
    {
        var headers = TestStack.Headers("ann", Roles.Seller | Roles.Service);
        await RefusedAsync(StatusCode.PermissionDenied, "ROLE_MISSING", headers);
    }

    [Fact]
    public async Task An_open_read_needs_no_token_but_refuses_an_invalid_one()
    {
        Assert.Equal("", await ReadAsync(_host));
        Assert.Equal("vic", await ReadAsync(_host, TestStack.Headers("vic", Roles.None)));

        var e = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(_host, TestStack.Bearer("nonsense")));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_INVALID"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task An_empty_header_is_an_invalid_token_and_not_a_missing_one()
    {
        var e = await Assert.ThrowsAsync<RpcException>(
            () => ReadAsync(_host, new Metadata { { "authorization", "" } }));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_INVALID"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task A_read_that_the_configuration_closes_needs_a_token()
    {
        await using var closed = await ProbeHost.StartAsync("--Auth:OpenReads=false");
        var e = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(closed));
        Assert.Equal((StatusCode.Unauthenticated, "TOKEN_MISSING"), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task Published_keys_verify_tokens_and_are_never_used_as_shared_keys()
    {
        using var rsa = RSA.Create(2048);
        var privateKey = new RsaSecurityKey(rsa) { KeyId = "one" };
        var publicKey = new RsaSecurityKey(rsa.ExportParameters(false)) { KeyId = "one" };
        await using var issuer = await PublishAsync(JsonWebKeyConverter.ConvertFromRSASecurityKey(publicKey));
        await using var host = await ProbeHost.StartAsync(
            "--Auth:Hs256Key=", $"--Auth:JwksUrl={issuer.Urls.First()}/keys");
        var handler = new JsonWebTokenHandler();

        var valid = new SigningCredentials(privateKey, SecurityAlgorithms.RsaSha256);
        var caller = await BidAsync(handler.CreateToken(Described(valid)), host);
        Assert.StartsWith("ann ", caller, StringComparison.Ordinal);

        var publicKeyAsShared = new SigningCredentials(
            new SymmetricSecurityKey(rsa.ExportRSAPublicKey()) { KeyId = "one" }, SecurityAlgorithms.HmacSha256);
        await InvalidAsync(handler.CreateToken(Described(publicKeyAsShared)), host);
    }

    [Fact]
    public async Task While_the_issuers_keys_cannot_be_read_the_service_is_unavailable()
    {
        await using var host = await ProbeHost.StartAsync("--Auth:Hs256Key=", "--Auth:JwksUrl=http://127.0.0.1:9/keys");
        var headers = TestStack.Headers("ann", Roles.Bidder);
        await RefusedAsync(StatusCode.Unavailable, "KEYS_UNAVAILABLE", headers, host);
    }

    /// <summary>A token with the right signature, whatever its parts are.</summary>
    private static string Signed(string header, string claims)
    {
        var content = $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}."
            + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims));
        var signature = HMACSHA256.HashData(TestStack.Key, Encoding.ASCII.GetBytes(content));
        return $"{content}.{Base64Url.EncodeToString(signature)}";
    }

    private static SecurityTokenDescriptor Described(SigningCredentials? credentials) => new()
    {
        Issuer = "auctions",
        Audience = "auctions",
        Claims = new Dictionary<string, object> { ["sub"] = "ann", ["role"] = "bidder" },
        SigningCredentials = credentials,
    };

    private static SigningCredentials Credentials(byte[] key, string algorithm) =>
        new(new SymmetricSecurityKey(key), algorithm);

    private static async Task<WebApplication> PublishAsync(JsonWebKey key)
    {
        var app = WebApplication.CreateSlimBuilder().Build();
        app.Urls.Add("http://127.0.0.1:0");
        var published = new { kty = key.Kty, kid = key.Kid, n = key.N, e = key.E, use = "sig" };
        app.MapGet("/keys", () => Results.Json(new { keys = new[] { published } }));
        await app.StartAsync();
        return app;
    }

    /// <returns>Who called, as the method sees it.</returns>
    private async Task<string> BidAsync(string token, ProbeHost? host = null) =>
        (await (host ?? _host).Client.PlaceBidAsync(new PlaceBidRequest(), TestStack.Bearer(token))).Result.BidId;

    private static async Task<string> ReadAsync(ProbeHost host, Metadata? headers = null) =>
        (await host.Client.GetBidOutcomeAsync(new GetBidOutcomeRequest(), headers)).Result.BidId;

    private Task InvalidAsync(string token, ProbeHost? host = null) =>
        RefusedAsync(StatusCode.Unauthenticated, "TOKEN_INVALID", TestStack.Bearer(token), host);

    private async Task RefusedAsync(StatusCode code, string reason, Metadata headers, ProbeHost? host = null)
    {
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await (host ?? _host).Client.PlaceBidAsync(new PlaceBidRequest(), headers));
        Assert.Equal((code, reason), (e.StatusCode, RpcErrors.Reason(e)));
        Assert.Equal((int)code, e.GetRpcStatus()!.Code);
    }
}

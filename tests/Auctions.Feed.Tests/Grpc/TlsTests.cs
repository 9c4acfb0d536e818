using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Credentials on real connections: TLS, call credentials, client certificates.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private readonly X509Certificate2 serverCertificate = SelfSigned("localhost");
    private readonly X509Certificate2 clientCertificate = SelfSigned("bidder-7");
    private readonly EchoBehaviour behaviour = new();
    private WebApplication server = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(serverCertificate, https =>
            {
                https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                https.AllowAnyClientCertificate();
            });
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(behaviour);
        server = builder.Build();
        server.MapGrpcService<EchoService>();
        await server.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await server.StopAsync();
        await server.DisposeAsync();
        serverCertificate.Dispose();
        clientCertificate.Dispose();
    }

    [Fact]
    public async Task A_channels_call_credentials_go_with_every_call()
    {
        var seen = await SeenWithAsync(ChannelCredentials.Create(ChannelCredentials.SecureSsl, Adding("a", "channel")), null);
        Assert.Equal(["a=channel"], seen);
    }

    [Fact]
    public async Task Composed_call_credentials_all_go_with_the_call()
    {
        var composed = CallCredentials.Compose(Adding("a", "1"), Adding("b", "2"));
        Assert.Equal(["a=1", "b=2"], await SeenWithAsync(ChannelCredentials.Create(new SslCredentials(), composed), null));
    }

    [Fact]
    public async Task A_calls_own_credentials_go_with_the_channels()
    {
        // Not composed ones: Grpc.Net.Client 2.85.0 applies a call's own twice where the channel's are composed.
        var seen = await SeenWithAsync(ChannelCredentials.Create(new SslCredentials(), Adding("a", "1")), Adding("c", "3"));
        Assert.Equal(["a=1", "c=3"], seen.Order());
    }

    [Fact]
    public async Task Credentials_that_fail_fail_the_call()
    {
        using var channel = Connect(ChannelCredentials.SecureSsl, null);
        var failing = CallCredentials.FromInterceptor((_, _) => throw new InvalidOperationException("no token"));
        var call = new Echo.EchoClient(channel).UnaryAsync(new EchoRequest(), new CallOptions(credentials: failing));
        var failed = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Contains("no token", failed.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_with_a_certificate_is_authenticated()
    {
        (bool IsAuthenticated, string? Name) seen = default;
        behaviour.BeforeAnswer = context =>
        {
            seen = (context.AuthContext.IsPeerAuthenticated, context.AuthContext.PeerIdentity.Single().Value);
            return Task.CompletedTask;
        };
        using var channel = Connect(ChannelCredentials.SecureSsl, clientCertificate);
        await new Echo.EchoClient(channel).UnaryAsync(new EchoRequest());
        Assert.Equal((true, "bidder-7"), seen);
    }

    private static CallCredentials Adding(string key, string value) => CallCredentials.FromInterceptor(async (context, headers) =>
    {
        await Task.Yield();
        Assert.Equal("Unary", context.MethodName);
        Assert.EndsWith("/auctions.feed.tests.Echo", context.ServiceUrl, StringComparison.Ordinal);
        headers.Add($"x-{key}", value);
    });

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    private async Task<List<string>> SeenWithAsync(ChannelCredentials credentials, CallCredentials? callCredentials)
    {
        List<string> seen = [];
        behaviour.BeforeAnswer = context =>
        {
            seen.AddRange(context.RequestHeaders
                .Where(entry => entry.Key.StartsWith("x-", StringComparison.Ordinal))
                .Select(entry => $"{entry.Key[2..]}={entry.Value}"));
            return Task.CompletedTask;
        };
        using var channel = Connect(credentials, null);
        await new Echo.EchoClient(channel).UnaryAsync(new EchoRequest(), new CallOptions(credentials: callCredentials));
        return seen;
    }

    private GrpcChannel Connect(ChannelCredentials credentials, X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                // The test's own certificate, by its thumbprint.
                RemoteCertificateValidationCallback = (_, presented, _, _) =>
                    presented?.GetCertHashString() == serverCertificate.GetCertHashString(),
                ClientCertificates = certificate is null ? [] : [certificate],
            },
        };
        return GrpcChannel.ForAddress(
            server.Urls.Single(),
            new GrpcChannelOptions { Credentials = credentials, HttpHandler = handler, DisposeHttpClient = true });
    }
}

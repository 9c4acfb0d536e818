using Auctions.Hosting;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>Warms a service up by calling it like a client: connection, HTTP/2, token, request, answer.</summary>
public static class LoopbackWarmUp
{
    private const int Rounds = 3;
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromMinutes(1);

    /// <summary>
    /// At the start of the process, makes calls to its own address. The calls must not change anything. They can name
    /// an auction that does not exist.
    /// </summary>
    /// <param name="role">
    /// The role in the token of the calls. They have a token only if this process can sign one
    /// (<c>Auth:Hs256Key</c>).
    /// </param>
    /// <param name="call">Makes one call. The call may end with an error.</param>
    public static IServiceCollection AddLoopbackWarmUp(
        this IServiceCollection services, Roles role, Func<ChannelBase, CallOptions, Task> call) =>
        services.AddWarmUp("calls", async (provider, cancellationToken) =>
        {
            using var channel = GrpcChannel.ForAddress(OwnAddress(provider));
            var options = new CallOptions(Headers(provider, role), cancellationToken: cancellationToken);
            for (var round = 0; round < Rounds; round++)
            {
                try
                {
                    await call(channel, options);
                }
                catch (RpcException) when (!cancellationToken.IsCancellationRequested)
                {
                    // Expected: the auction does not exist, or the call has no token.
                }
            }
        });

    /// <summary>
    /// The first address is that of <c>Listen:Grpc</c>. If the server listens on every interface, the call goes over
    /// the loopback.
    /// </summary>
    private static string OwnAddress(IServiceProvider services) =>
        services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()
            .Replace("[::]", "localhost", StringComparison.Ordinal)
            .Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal);

    private static Metadata Headers(IServiceProvider services, Roles role)
    {
        var auth = services.GetRequiredService<IOptions<AuthOptions>>().Value;
        if (auth.Key() is not { Length: > 0 } key) return [];
        var issuer = new TokenIssuer(key, services.GetRequiredService<TimeProvider>(), auth.Issuer, auth.Audience);
        return new Metadata { { "authorization", $"Bearer {issuer.Mint("warm-up", role, TokenLifetime)}" } };
    }
}

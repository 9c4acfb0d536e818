using Auctions.Hosting;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>Warms a service by calling it as a client does: connection, HTTP/2, token, request, answer.</summary>
public static class LoopbackWarmUp
{
    private const int Rounds = 3;
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromMinutes(1);

    /// <summary>Adds calls to this process' own address that change nothing, such as one about an auction that does not exist.</summary>
    /// <param name="role">Of the token that the calls carry, where this process can sign one (<c>Auth:Hs256Key</c>).</param>
    /// <param name="call">One call. That it ends with an error is expected.</param>
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
                    // The answer to a question about nothing.
                }
            }
        });

    /// <summary>
    /// The first address is that of <c>Listen:Grpc</c>. A server that listens on every interface is called over the loopback.
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

using Auctions.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Auctions.Grpc;

/// <summary>gRPC, as every service offers it.</summary>
public static class GrpcRegistration
{
    /// <summary>Adds gRPC behind <see cref="RpcBoundary"/>, tokens (<c>Auth</c>) and reflection.</summary>
    /// <param name="serviceNames">Full names of the gRPC services of this process, for their health.</param>
    public static IServiceCollection AddAuctionsGrpc(
        this IServiceCollection services, IConfiguration configuration, params ReadOnlySpan<string> serviceNames)
    {
        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<RpcBoundary>();
            grpc.MaxReceiveMessageSize = ListenOptions.MaxMessageBytes;
        });
        services.AddGrpcReflection();
        foreach (var name in serviceNames) services.AddServing(name);
        return services
            .AddSection<AuthOptions>(configuration)
            .AddSingleton<SigningKeys>()
            .AddSingleton<TokenReader>()
            .AddSingleton<AccessControl>()
            .AddSingleton<RpcBoundary>();
    }

    /// <summary>Maps health and reflection, which need no token.</summary>
    public static WebApplication MapGrpcDefaults(this WebApplication app)
    {
        var anyone = new PublicAttribute();
        ServiceHealth.StartAsNotServing(app.Services);
        app.MapGrpcHealthChecksService().WithMetadata(anyone);
        app.MapGrpcReflectionService().WithMetadata(anyone);
        return app;
    }
}

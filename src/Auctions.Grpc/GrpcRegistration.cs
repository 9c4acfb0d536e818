using Auctions.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>gRPC, as every service offers it.</summary>
public static class GrpcRegistration
{
    /// <summary>
    /// Adds gRPC behind <see cref="CallGate"/> and <see cref="RpcBoundary"/>, tokens (<c>Auth</c>), limits
    /// (<c>Limits</c>) and reflection (<c>Reflection</c>).
    /// </summary>
    /// <param name="serviceNames">Full names of the gRPC services of this process, for their health.</param>
    public static IServiceCollection AddAuctionsGrpc(
        this IServiceCollection services, IConfiguration configuration, params ReadOnlySpan<string> serviceNames)
    {
        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<RpcBoundary>();
            grpc.MaxReceiveMessageSize = ListenOptions.MaxMessageBytes;
            grpc.CompressionProviders = [new BoundedGzip()];
        });
        services.AddGrpcReflection();
        foreach (var name in serviceNames) services.AddServing(name);
        return services
            .AddSection<AuthOptions>(configuration)
            .AddSection<LimitOptions>(configuration)
            .AddSection<ReflectionOptions>(configuration)
            .AddSingleton<SigningKeys>()
            .AddSingleton<TokenReader>()
            .AddSingleton<AccessControl>()
            .AddSingleton<TokenLifetimes>()
            .AddSingleton<ClientConnections>()
            .AddSingleton<CallLimits>()
            .AddSingleton<IncidentLog>()
            .AddSingleton<RpcBoundary>();
    }

    /// <summary>Admits callers, and refuses what is not gRPC. Without it no method can be called.</summary>
    public static IApplicationBuilder UseCalls(this IApplicationBuilder app) =>
        app.UseMiddleware<CallGate>().UseMiddleware<MessageGuard>();

    /// <summary>Maps health, and reflection if the configuration wants it. They need no token.</summary>
    public static WebApplication MapGrpcDefaults(this WebApplication app)
    {
        var anyone = new PublicAttribute();
        ServiceHealth.StartAsNotServing(app.Services);
        app.MapGrpcHealthChecksService().WithMetadata(anyone);
        if (app.Services.GetRequiredService<IOptions<ReflectionOptions>>().Value.Enabled)
            app.MapGrpcReflectionService().WithMetadata(anyone);
        return app;
    }
}

/// <summary>The configuration section <c>Reflection</c>.</summary>
public sealed class ReflectionOptions : ISectionOptions
{
    public static string Section => "Reflection";

    /// <summary>Whether clients may ask for the contract (<c>grpc.reflection</c>), as grpcurl does.</summary>
    public bool Enabled { get; set; } = true;

    public IEnumerable<string> Failures() => [];
}

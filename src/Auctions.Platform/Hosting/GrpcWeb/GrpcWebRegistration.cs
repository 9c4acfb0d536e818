using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>Opens a service's gRPC methods to browsers.</summary>
public static class GrpcWebRegistration
{
    private const string Policy = "grpc-web";

    // A page sees of a cross-origin response what is exposed, and nothing else; a call without a body has its status here.
    private static readonly string[] Exposed = ["grpc-status", "grpc-message", RpcErrors.DetailsTrailer];

    /// <summary>Reads the section <c>GrpcWeb</c>.</summary>
    /// <exception cref="InvalidOperationException">An origin is none; the message names the key.</exception>
    public static IServiceCollection AddGrpcWeb(this IServiceCollection services, IConfiguration configuration)
    {
        var options = configuration.GetSection(GrpcWebOptions.Section).Get<GrpcWebOptions>() ?? new GrpcWebOptions();
        if (options.Flaw() is { } flaw) throw new InvalidOperationException(flaw);

        return services.AddCors(cors => cors.AddPolicy(Policy, policy =>
        {
            if (options.Origins.Contains("*")) policy.AllowAnyOrigin();
            else policy.WithOrigins(options.Origins);
            policy.WithMethods("POST").AllowAnyHeader().WithExposedHeaders(Exposed).SetPreflightMaxAge(TimeSpan.FromHours(2));
        }));
    }

    /// <summary>Before anything that looks at a request's content type, or writes a response.</summary>
    public static IApplicationBuilder UseGrpcWeb(this IApplicationBuilder app) => app.UseCors(Policy).UseMiddleware<GrpcWebMiddleware>();
}

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Platform.Hosting;

/// <summary>What every service of the platform is hosted with.</summary>
public static class AuctionsHosting
{
    /// <summary>How long calls in flight may take to end once the process is asked to stop.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A service's builder, with <see cref="AddAuctionsHosting"/>. Its settings file is looked for, and watched, beside the program: a service that is
    /// started in a directory where much is written would be told of every write.
    /// </summary>
    /// <param name="name">Of the service, in its logs.</param>
    /// <param name="args">Settings as <c>--Section:Key=value</c>, over the environment and the settings file.</param>
    public static WebApplicationBuilder CreateBuilder(string name, string[] args) =>
        WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory })
            .AddAuctionsHosting(name);

    /// <summary>
    /// Kestrel on <c>Listen:Grpc</c>, gRPC behind <see cref="RpcBoundary"/>, tokens, health, reflection, logging, options that are
    /// validated at start. Services are mapped with <c>MapGrpcService</c>, and then <see cref="MapAuctionsDefaults"/>.
    /// </summary>
    /// <param name="name">Of the service, in its logs.</param>
    public static WebApplicationBuilder AddAuctionsHosting(this WebApplicationBuilder builder, string name)
    {
        builder.Environment.ApplicationName = name;
        builder.Services
            .AddSection<ListenOptions>(builder.Configuration)
            .AddSection<AuthOptions>(builder.Configuration);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = ShutdownTimeout);
        AddLogging(builder.Logging, builder.Configuration);
        AddKestrel(builder);

        builder.Services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<RpcBoundary>();
            grpc.MaxReceiveMessageSize = ListenOptions.MaxMessageBytes;
        });
        builder.Services
            .AddSingleton<SigningKeys>().AddSingleton<TokenReader>().AddSingleton<AccessControl>().AddSingleton<RpcBoundary>()
            .AddSingleton<GrpcServices>().AddSingleton<DescriptorPool>()
            .AddSingleton<Readiness>().AddHostedService(services => services.GetRequiredService<Readiness>());
        return builder;
    }

    /// <summary>Maps health and reflection.</summary>
    public static WebApplication MapAuctionsDefaults(this WebApplication app)
    {
        app.MapGrpcService<HealthRpc>();
        app.MapGrpcService<ReflectionRpc>();
        app.MapGrpcService<ReflectionAlphaRpc>();
        return app;
    }

    /// <summary>One line of JSON an event, UTC.</summary>
    private static void AddLogging(ILoggingBuilder logging, ConfigurationManager configuration)
    {
        logging.ClearProviders();
        logging.AddConfiguration(configuration.GetSection("Logging"));
        logging.AddJsonConsole(json =>
        {
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
        foreach (var noisy in (string[])["Microsoft.AspNetCore", "Grpc", "Quartz", "Npgsql"]) logging.AddFilter(noisy, LogLevel.Warning);

        // Its messages are of no use beside ours, and while it has any a request costs an activity.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);

        // Our own boundary has logged what there is to log; theirs would repeat every refusal.
        logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.None);
    }

    private static void AddKestrel(WebApplicationBuilder builder)
    {
        builder.WebHost.UseKestrel().ConfigureKestrel(kestrel =>
        {
            var listen = kestrel.ApplicationServices.GetRequiredService<IOptions<ListenOptions>>().Value;
            kestrel.AddServerHeader = false;
            var http2 = kestrel.Limits.Http2;
            http2.MaxStreamsPerConnection = ListenOptions.MaxStreamsPerConnection;
            http2.InitialConnectionWindowSize = 1024 * 1024;
            http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
            Listen(kestrel, listen.Grpc, HttpProtocols.Http2);
            if (listen.GrpcWeb.Length > 0) Listen(kestrel, listen.GrpcWeb, HttpProtocols.Http1);
        });
    }

    private static void Listen(KestrelServerOptions kestrel, string address, HttpProtocols protocols)
    {
        if (ListenOptions.TryParse(address, out var endPoint)) kestrel.Listen(endPoint, o => o.Protocols = protocols);
    }
}

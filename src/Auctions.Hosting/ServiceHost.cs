using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Hosting;

/// <summary>How each of our services starts: where it listens, how it logs, how it reports its health.</summary>
public static class ServiceHost
{
    /// <summary>How long calls in flight may take to end after the process is asked to stop.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A builder with <see cref="AddServiceHost"/>. It looks for the settings file, and watches it, in the program's
    /// directory: in the directory that a service happens to start in, other files may change all the time.
    /// </summary>
    /// <param name="name">The service's name, for its logs.</param>
    /// <param name="args">
    /// Settings as <c>--Section:Key=value</c>; they override the environment and the settings file.
    /// </param>
    public static WebApplicationBuilder CreateBuilder(string name, string[] args) => WebApplication
        .CreateSlimBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory })
        .AddServiceHost(name);

    /// <summary>
    /// Kestrel on <c>Listen:Grpc</c> and <c>Listen:GrpcWeb</c>, health, logging, and options that are validated at
    /// start.
    /// </summary>
    /// <param name="name">The service's name, for its logs.</param>
    public static WebApplicationBuilder AddServiceHost(this WebApplicationBuilder builder, string name)
    {
        builder.Environment.ApplicationName = name;
        builder.Services.AddSection<ListenOptions>(builder.Configuration).AddServiceHealth();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = ShutdownTimeout);
        AddLogging(builder.Logging, builder.Configuration);
        AddKestrel(builder.WebHost);
        return builder;
    }

    /// <summary>One line of JSON for each event, in UTC.</summary>
    private static void AddLogging(ILoggingBuilder logging, ConfigurationManager configuration)
    {
        logging.ClearProviders();
        logging.AddConfiguration(configuration.GetSection("Logging"));
        logging.AddJsonConsole(json =>
        {
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
        foreach (var noisy in (string[])["Microsoft.AspNetCore", "Grpc", "Quartz", "Npgsql"])
        {
            logging.AddFilter(noisy, LogLevel.Warning);
        }

        // It adds nothing to our own messages, and while it is enabled every request allocates an activity.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);

        // The gRPC boundary has logged the error; this would log every error again that a caller gets.
        logging.AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.None);

        // What a client does to its own connection is no event of the service's, and it may do so many times a second.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.Http2", LogLevel.None);
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.BadRequests", LogLevel.None);
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", LogLevel.None);

        // It logs every second while a dependency is away. DependencyTransitions logs it once.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
    }

    private static void AddKestrel(ConfigureWebHostBuilder webHost)
    {
        webHost.UseKestrel().ConfigureKestrel(kestrel =>
        {
            var listen = kestrel.ApplicationServices.GetRequiredService<IOptions<ListenOptions>>().Value;
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestHeadersTotalSize = ListenOptions.MaxHeaderBytes;

            // A text request of gRPC-Web is a third longer than its message.
            kestrel.Limits.MaxRequestBodySize = 2 * ListenOptions.MaxMessageBytes;

            // For one slow call, Kestrel would end its connection, which other callers may share. The gRPC boundary
            // ends the call.
            kestrel.Limits.MinRequestBodyDataRate = null;
            var http2 = kestrel.Limits.Http2;
            http2.MaxStreamsPerConnection = ListenOptions.MaxStreamsPerConnection;
            http2.MaxRequestHeaderFieldSize = ListenOptions.MaxHeaderBytes;
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

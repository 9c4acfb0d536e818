using System.Collections.Concurrent;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.IntegrationTests.Servers;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>
/// A service's hosting around <see cref="ProbeService"/>, which web pages may call too, and a client.
/// </summary>
internal sealed class ProbeHost(TestService service, RecordedLog log) : IAsyncDisposable
{
    public WebApplication App => service.App;

    public GrpcChannel Channel => service.Channel;

    public V1.BiddingService.BiddingServiceClient Client { get; } = new(service.Channel);

    public RecordedLog Log => log;

    public static Task<ProbeHost> StartAsync(params string[] settings) => StartAsync(_ => { }, settings);

    public static Task<ProbeHost> StartAsync(Action<IServiceCollection> configure, params string[] settings) =>
        StartAsync(configure, app => app.UseWebCalls(), settings);

    /// <summary>A host whose pipeline lacks the gate.</summary>
    public static Task<ProbeHost> StartWithoutGateAsync() => StartAsync(_ => { }, _ => { });

    private static async Task<ProbeHost> StartAsync(
        Action<IServiceCollection> configure, Action<WebApplication> pipeline, params string[] settings)
    {
        var log = new RecordedLog();
        var service = await TestService.StartAsync(
            args => Build(args, configure, pipeline, log), ["--Logging:LogLevel:Default=Information", .. settings]);
        return new ProbeHost(service, log);
    }

    public ValueTask DisposeAsync() => service.DisposeAsync();

    private static WebApplication Build(
        string[] args, Action<IServiceCollection> configure, Action<WebApplication> pipeline, RecordedLog log)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddCommandLine(args);
        builder.AddServiceHost("probe");
        builder.Services
            .AddAuctionsGrpc(builder.Configuration, V1.BiddingService.Descriptor.FullName, "grpc.health.v1.Health")
            .AddWebClients(builder.Configuration);
        builder.Logging.ClearProviders().AddProvider(log);
        configure(builder.Services);

        var app = builder.Build();
        pipeline(app);
        app.MapGrpcService<ProbeService>();
        return app.MapGrpcDefaults();
    }
}

/// <summary>What was logged, as text.</summary>
public sealed class RecordedLog : ILoggerProvider
{
    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this);

    public void Dispose()
    {
        // There is nothing to release.
    }

    private sealed class Logger(RecordedLog log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            log.Lines.Enqueue((logLevel, $"{formatter(state, exception)} {exception}"));
    }
}

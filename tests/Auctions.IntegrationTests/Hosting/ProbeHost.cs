using System.Collections.Concurrent;
using System.Security.Cryptography;
using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>A service's hosting around <see cref="ProbeService"/>, on a free port, with a client.</summary>
public sealed class ProbeHost : IAsyncDisposable
{
    private ProbeHost(WebApplication app, byte[] key, RecordedLog log)
    {
        (App, Key, Log) = (app, key, log);
        Channel = GrpcChannel.ForAddress(app.Urls.First());
        Client = new V1.BiddingService.BiddingServiceClient(Channel);
        Tokens = new TokenIssuer(key, TimeProvider.System);
    }

    public WebApplication App { get; }

    public GrpcChannel Channel { get; }

    public V1.BiddingService.BiddingServiceClient Client { get; }

    /// <summary>The shared key of HS256, unless the settings have another one.</summary>
    public byte[] Key { get; }

    public TokenIssuer Tokens { get; }

    public RecordedLog Log { get; }

    /// <param name="settings">More configuration. It overrides the port and the key of HS256.</param>
    public static async Task<ProbeHost> StartAsync(
        Dictionary<string, string?>? settings = null, Action<IServiceCollection>? services = null)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var log = new RecordedLog();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration["Listen:Grpc"] = "127.0.0.1:0";
        builder.Configuration["Auth:Hs256Key"] = Convert.ToBase64String(key);
        foreach (var (name, value) in settings ?? []) builder.Configuration[name] = value;
        builder.AddServiceHost("probe");
        builder.Services.AddAuctionsGrpc(builder.Configuration, V1.BiddingService.Descriptor.FullName);
        builder.Logging.ClearProviders().AddProvider(log);
        services?.Invoke(builder.Services);

        var app = builder.Build();
        app.MapGrpcService<ProbeService>();
        app.MapGrpcDefaults();
        await app.StartAsync();
        return new ProbeHost(app, key, log);
    }

    public static Metadata Bearer(string token) => new() { { "authorization", $"Bearer {token}" } };

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await App.DisposeAsync();
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

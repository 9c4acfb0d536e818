using System.Collections.Concurrent;
using System.Security.Cryptography;
using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>A process's hosting around <see cref="ProbeService"/>, on a free port, with a client.</summary>
public sealed class ProbeHost : IAsyncDisposable
{
    private ProbeHost(WebApplication app, byte[] key, RememberedLog log)
    {
        (App, Log) = (app, log);
        Channel = GrpcChannel.ForAddress(app.Urls.First());
        Tokens = new TokenIssuer(key, TimeProvider.System);
    }

    public WebApplication App { get; }

    public GrpcChannel Channel { get; }

    public TokenIssuer Tokens { get; }

    public RememberedLog Log { get; }

    /// <param name="settings">Configuration keys and values; the key of HS256 and the port are given unless they are in it.</param>
    public static async Task<ProbeHost> StartAsync(Dictionary<string, string?>? settings = null, Action<IServiceCollection>? services = null)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var log = new RememberedLog();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration["Listen:Grpc"] = "127.0.0.1:0";
        builder.Configuration["Auth:Hs256Key"] = Convert.ToBase64String(key);
        foreach (var (name, value) in settings ?? []) builder.Configuration[name] = value;
        builder.AddServiceHost("probe");
        builder.Services.AddAuctionsGrpc(builder.Configuration, Auctions.V1.BiddingService.Descriptor.FullName);
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
public sealed class RememberedLog : ILoggerProvider
{
    public ConcurrentQueue<(LogLevel Level, string Text)> Lines { get; } = new();

    public ILogger CreateLogger(string categoryName) => new Sink(this);

    public void Dispose()
    {
        // Nothing is held.
    }

    private sealed class Sink(RememberedLog log) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Lines.Enqueue((logLevel, $"{formatter(state, exception)} {exception}"));
    }
}

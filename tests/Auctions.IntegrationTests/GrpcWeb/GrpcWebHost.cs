using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.IntegrationTests.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Auctions.IntegrationTests.GrpcWeb;

/// <summary>A server whose services web pages may call, and a client that calls as a browser does.</summary>
public sealed class GrpcWebHost : IAsyncLifetime
{
    public const string Origin = "https://page.example";

    private WebApplication? _app;

    internal GrpcWebClient Client { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration["Listen:Grpc"] = "127.0.0.1:0";
        builder.Configuration["Listen:GrpcWeb"] = "127.0.0.1:0";
        builder.Configuration["Auth:Hs256Key"] = Convert.ToBase64String(new byte[32]);
        builder.Configuration["GrpcWeb:Origins:0"] = Origin;
        builder.AddServiceHost("probe");
        builder.Logging.ClearProviders();
        builder.Services
            .AddAuctionsGrpc(builder.Configuration, "grpc.health.v1.Health")
            .AddWebClients(builder.Configuration);

        _app = builder.Build();
        _app.UseWebClients();
        _app.MapGrpcService<ProbeService>();
        _app.MapGrpcDefaults();
        await _app.StartAsync();
        Client = new GrpcWebClient(_app.Urls.Last());
    }

    public async Task DisposeAsync()
    {
        Client.Dispose();
        await _app!.DisposeAsync();
    }
}

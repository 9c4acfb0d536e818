using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>The echo service on a Kestrel of its own (h2c, loopback, a free port) and a channel to it.</summary>
internal sealed class EchoHost : IAsyncDisposable
{
    private readonly WebApplication server;

    private EchoHost(WebApplication server, EchoBehaviour behaviour, GrpcChannel channel)
    {
        this.server = server;
        Behaviour = behaviour;
        Channel = channel;
    }

    public EchoBehaviour Behaviour { get; }

    public GrpcChannel Channel { get; }

    public Echo.EchoClient Client => new(Channel);

    public static async Task<EchoHost> StartAsync(
        Action<GrpcServiceOptions>? serverOptions = null,
        Action<IServiceCollection>? services = null,
        Action<GrpcChannelOptions>? channelOptions = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc(options => serverOptions?.Invoke(options));
        builder.Services.AddSingleton<EchoBehaviour>();
        services?.Invoke(builder.Services);
        var server = builder.Build();
        server.MapGrpcService<EchoService>();
        await server.StartAsync();

        var options = new GrpcChannelOptions();
        channelOptions?.Invoke(options);
        return new EchoHost(
            server,
            server.Services.GetRequiredService<EchoBehaviour>(),
            GrpcChannel.ForAddress(server.Urls.Single(), options));
    }

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await server.StopAsync();
        await server.DisposeAsync();
    }
}

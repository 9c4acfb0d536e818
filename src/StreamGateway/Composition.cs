using Auctions.Events;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Grpc.Core;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>What the gateway is made of.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">Settings as <c>--Section:Key=value</c>, over the environment and the settings file.</param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("gateway", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration, Auctions.V1.StreamService.Descriptor.FullName)
            .AddWebClients(builder.Configuration)
            .AddLoopbackWarmUp(Roles.Viewer, async (channel, options) =>
            {
                var request = new WatchRequest { Targets = { new WatchTarget { AuctionId = Guid.CreateVersion7().ToString() } } };
                using var stream = new StreamService.StreamServiceClient(channel).Watch(request, options);
                await stream.ResponseStream.MoveNext(options.CancellationToken);
            })
            .AddPostgres(builder.Configuration)
            .AddEvents(builder.Configuration, [KafkaTopics.Auctions])
            .AddSection<GatewayOptions>(builder.Configuration)
            .AddSingleton<PublicAuctionQuery>()
            .AddSingleton(services => new LedgerReads(services.GetRequiredService<PublicAuctionQuery>().ReadAsync))
            .AddSingleton(Places)
            .AddSingleton<AuctionFanout>().AddHostedService(services => services.GetRequiredService<AuctionFanout>())
            .AddSingleton<EventFollower>().AddHostedService(services => services.GetRequiredService<EventFollower>())
            .AddHostedService<OverdueCheck>()
            .AddDependency("kafka", required: false, (services, cancellationToken) =>
                services.GetRequiredService<EventFollower>().CheckAsync(cancellationToken));

        var app = builder.Build();
        app.UseWebClients();
        app.MapGrpcService<StreamRpc>();
        return app.MapGrpcDefaults();
    }

    private static StreamLimiter Places(IServiceProvider services) => new(
        services.GetRequiredService<IOptions<GatewayOptions>>(),
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
}

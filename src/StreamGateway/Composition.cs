using Auctions.Platform.Feed;
using Auctions.Platform.Hosting;
using Auctions.Platform.Hosting.GrpcWeb;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>What the gateway is made of.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">Settings as <c>--Section:Key=value</c>, over the environment and the settings file.</param>
    public static WebApplication Build(string[] args)
    {
        var builder = AuctionsHosting.CreateBuilder("gateway", args);
        builder.Services
            .AddGrpcWeb(builder.Configuration)
            .AddPostgres(builder.Configuration)
            .AddSection<KafkaOptions>(builder.Configuration)
            .AddSection<GatewayOptions>(builder.Configuration)
            .AddSingleton(Feed)
            .AddSingleton<PublicAuctionQuery>()
            .AddSingleton(services => new LedgerReads(services.GetRequiredService<PublicAuctionQuery>().ReadAsync))
            .AddSingleton(Places)
            .AddSingleton<AuctionFanout>().AddHostedService(services => services.GetRequiredService<AuctionFanout>())
            .AddSingleton<FeedFollower>().AddHostedService(services => services.GetRequiredService<FeedFollower>())
            .AddHostedService<OverdueCheck>()
            .AddSingleton(services => new ReadinessCheck("kafka", Required: false, services.GetRequiredService<FeedFollower>().CheckAsync));

        var app = builder.Build();
        app.UseGrpcWeb();
        app.MapGrpcService<StreamRpc>();
        return app.MapAuctionsDefaults();
    }

    private static FeedConsumerOptions Feed(IServiceProvider services) => new()
    {
        BootstrapServers = services.GetRequiredService<IOptions<KafkaOptions>>().Value.BootstrapServers,
        Topics = [KafkaTopics.Auctions],
    };

    private static StreamPlaces Places(IServiceProvider services) => new(
        services.GetRequiredService<IOptions<GatewayOptions>>(),
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
}

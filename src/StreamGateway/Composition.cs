using Auctions.Platform.Feed;
using Auctions.Platform.Hosting;
using Auctions.Platform.Hosting.GrpcWeb;
using Auctions.Platform.Ledger;
using Microsoft.Extensions.Options;
using Npgsql;

namespace StreamGateway;

/// <summary>What the gateway is made of.</summary>
internal static class Composition
{
    /// <summary>The application, ready to run.</summary>
    /// <param name="args">Configuration, such as <c>--Listen:Grpc=127.0.0.1:5003</c>.</param>
    public static WebApplication Build(string[] args)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.AddAuctionsHosting("stream-gateway");
        builder.Services.AddGrpcWeb(builder.Configuration).AddGateway(builder.Configuration);

        var app = builder.Build();
        app.UseGrpcWeb();
        app.MapGrpcService<StreamRpc>();
        app.MapAuctionsDefaults();
        return app;
    }

    private static void AddGateway(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSection<GatewayOptions>(configuration);
        services.AddSingleton(provider => LedgerDataSource.Create(
            Required(configuration, "Postgres:ConnectionString"), provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<PublicAuctionQuery>();
        services.AddSingleton(provider => new LedgerReads(provider.GetRequiredService<PublicAuctionQuery>().ReadAsync));
        services.AddSingleton(new FeedConsumerOptions
        {
            BootstrapServers = Required(configuration, "Kafka:BootstrapServers"),
            Topics = [KafkaTopics.Auctions],
        });

        services.AddSingleton(provider => new StreamPlaces(
            provider.GetRequiredService<IOptions<GatewayOptions>>(), provider.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));
        services.AddSingleton<AuctionFanout>().AddHostedService(provider => provider.GetRequiredService<AuctionFanout>());
        services.AddSingleton<FeedFollower>().AddHostedService(provider => provider.GetRequiredService<FeedFollower>());
        services.AddHostedService<OverdueCheck>();

        services.AddSingleton(provider => new ReadinessCheck("postgres", Required: true, Ping(provider.GetRequiredService<NpgsqlDataSource>())));
        services.AddSingleton(provider => new ReadinessCheck("kafka", Required: false, provider.GetRequiredService<FeedFollower>().CheckAsync));
    }

    private static Func<CancellationToken, Task> Ping(NpgsqlDataSource postgres) => async cancellation =>
    {
        await using var ping = postgres.CreateCommand("select 1");
        await ping.ExecuteNonQueryAsync(cancellation);
    };

    private static string Required(IConfiguration configuration, string key) =>
        configuration[key] is { Length: > 0 } value ? value : throw new InvalidOperationException($"{key} must be set.");
}

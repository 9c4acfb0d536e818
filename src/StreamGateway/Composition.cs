using Auctions.Events;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>Builds the gateway from its parts.</summary>
internal static class Composition
{
    /// <param name="args">
    /// Settings as <c>--Section:Key=value</c>. They override the environment and the settings file.
    /// </param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("gateway", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration, Auctions.V1.StreamService.Descriptor.FullName)
            .AddWebClients(builder.Configuration)
            .AddFrameWarmUp()
            .AddPostgres(builder.Configuration)
            .AddEvents(builder.Configuration, [KafkaTopics.Auctions])
            .AddSection<GatewayOptions>(builder.Configuration)
            .AddSingleton(Reads)
            .AddSingleton(Limiter)
            .AddSingleton<AuctionFanout>().AddHostedService(services => services.GetRequiredService<AuctionFanout>())
            .AddSingleton<EventFollower>().AddHostedService(services => services.GetRequiredService<EventFollower>())
            .AddHostedService<OverdueCheck>()
            .AddDependency("kafka", required: false, (services, cancellationToken) =>
                services.GetRequiredService<EventFollower>().CheckAsync(cancellationToken));

        var app = builder.Build();
        app.UseWebCalls();
        app.MapGrpcService<StreamRpc>();
        return app.MapGrpcDefaults();
    }

    private static LedgerReads Reads(IServiceProvider services) =>
        new(new PublicAuctionQuery(services.GetRequiredService<LedgerPools>().Reads).ReadAsync);

    private static StreamLimiter Limiter(IServiceProvider services) => new(
        services.GetRequiredService<IOptions<GatewayOptions>>(),
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
}

/// <summary>The configuration section <c>Gateway</c>.</summary>
public sealed class GatewayOptions : ISectionOptions
{
    public static string Section => "Gateway";

    /// <summary>Milliseconds. An auction gets at most one frame in this time, however often it changes.</summary>
    public int CoalesceMs { get; set; } = 50;

    /// <summary>
    /// The number of streams that may be open at the same time. The next one gets RESOURCE_EXHAUSTED. A quiet stream
    /// takes about 40 KB.
    /// </summary>
    public int MaxStreams { get; set; } = 20_000;

    /// <summary>Percent of <see cref="MaxStreams"/> that only viewers with a token may take. 0 to 100.</summary>
    public int KeptForTokensPercent { get; set; } = 20;

    /// <summary>
    /// Milliseconds after the end of an auction. If the gateway has not seen its sealing by then, it reads the auction
    /// from Postgres.
    /// </summary>
    public int OverdueMs { get; set; } = 2_000;

    public IEnumerable<string> Failures()
    {
        if (CoalesceMs is < 1 or > 5_000) yield return $"Gateway:CoalesceMs must be 1 to 5000, and is {CoalesceMs}.";
        if (MaxStreams is < 1 or > 1_000_000)
            yield return $"Gateway:MaxStreams must be 1 to 1000000, and is {MaxStreams}.";
        if (KeptForTokensPercent is < 0 or > 100)
            yield return $"Gateway:KeptForTokensPercent must be 0 to 100, and is {KeptForTokensPercent}.";
        if (OverdueMs is < 100 or > 600_000)
            yield return $"Gateway:OverdueMs must be 100 to 600000, and is {OverdueMs}.";
    }
}

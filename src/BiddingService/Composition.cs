using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using Auctions.V1;
using Microsoft.Extensions.Options;

namespace BiddingService;

/// <summary>Builds the service from its parts.</summary>
internal static class Composition
{
    /// <param name="args">
    /// Settings as <c>--Section:Key=value</c>. They override the environment and the settings file.
    /// </param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("bidding", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration, Auctions.V1.BiddingService.Descriptor.FullName)
            .AddStores(builder.Configuration)
            .AddBidPathWarmUp()
            .AddLoopbackWarmUp(Roles.Bidder, (channel, options) =>
                new Auctions.V1.BiddingService.BiddingServiceClient(channel)
                    .PlaceBidAsync(NoBid(), options).ResponseAsync)
            .AddSection<BiddingOptions>(builder.Configuration)
            .AddSingleton<BiddingMetrics>()
            .AddSingleton(s => new PlaceBid(
                s.GetRequiredService<IHotState>(),
                s.GetRequiredService<ILedger>(),
                s.GetRequiredService<Recovery>(),
                s.GetRequiredService<IOptions<BiddingOptions>>().Value,
                s.GetRequiredService<IOptions<HotStateOptions>>().Value.Velocity,
                s.GetRequiredService<BiddingMetrics>(),
                s.GetRequiredService<TimeProvider>(),
                s.GetRequiredService<ILoggerFactory>()))
            .AddHostedService<Sweep>();

        var app = builder.Build();
        app.UseCalls();
        app.MapGrpcService<BiddingRpc>();
        return app.MapGrpcDefaults();
    }

    /// <summary>A bid on an auction that does not exist.</summary>
    private static PlaceBidRequest NoBid() => new()
    {
        AuctionId = Guid.CreateVersion7().ToString(),
        IdempotencyKey = Guid.CreateVersion7().ToString(),
        MaxAmount = MoneyMap.FromMinor(1, "USD"),
    };
}

using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using Auctions.V1;
using AuctionService.Closing;
using Npgsql;
using Quartz;

namespace AuctionService;

/// <summary>Builds the service from its parts.</summary>
internal static class Composition
{
    /// <param name="args">
    /// Settings as <c>--Section:Key=value</c>. They override the environment and the settings file.
    /// </param>
    public static WebApplication Build(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("auction", args);
        builder.Services
            .AddAuctionsGrpc(builder.Configuration, Auctions.V1.AuctionService.Descriptor.FullName)
            .AddStores(builder.Configuration)
            .AddWarmUp("seal", (services, cancellationToken) => services.GetRequiredService<LedgerLifecycle>()
                .SealAsync(new SealRequest(Guid.CreateVersion7(), SealCause.Time), cancellationToken))
            .AddLoopbackWarmUp(Roles.Viewer, (channel, options) =>
                new Auctions.V1.AuctionService.AuctionServiceClient(channel)
                    .GetAuctionAsync(NoAuction(), options).ResponseAsync)
            .AddSection<AuctionOptions>(builder.Configuration)
            .AddSingleton<AuctionCheck>()
            .AddSingleton<CreateAuction>()
            .AddSingleton<EndAuction>()
            .AddSingleton<ClosingMetrics>()
            .AddSingleton<CloseAuctions>()
            .AddSingleton<StartAuctions>()
            .AddSingleton<WaveRunner>()
            .AddSingleton<WaveSchedule>()
            .AddHostedService<ClosingGuard>();
        AddQuartz(builder);

        var app = builder.Build();
        app.UseCalls();
        app.MapGrpcService<AuctionRpc>();
        return app.MapGrpcDefaults();
    }

    /// <summary>A request for an auction that does not exist.</summary>
    private static GetAuctionRequest NoAuction() => new() { AuctionId = Guid.CreateVersion7().ToString() };

    /// <summary>
    /// Adds Quartz with its clustered job store in Postgres: any instance may run a wave that another one scheduled.
    /// Quartz only decides when to look. The ledger decides which auctions are due, and <see cref="ClosingGuard"/> also
    /// looks without Quartz.
    /// </summary>
    private static void AddQuartz(WebApplicationBuilder builder)
    {
        // Without a connection string, Quartz would fail here, before the validation can name the missing key.
        var postgres = builder.Configuration[$"{PostgresOptions.Section}:{nameof(PostgresOptions.ConnectionString)}"];
        if (string.IsNullOrWhiteSpace(postgres)) return;
        if (!builder.Configuration.GetValue("Auction:Waves", defaultValue: true)) return;
        builder.Services.AddQuartz(quartz =>
        {
            quartz.ConfigureScheduler(o =>
            {
                o.InstanceName = "auctions";
                o.IdleWaitTime = TimeSpan.FromSeconds(1);
            });
            quartz.UseDefaultThreadPool(2);
            quartz.UsePersistentStore(store =>
            {
                store.UsePostgres(NpgsqlFactory.Instance, postgres);
                store.UseClustering(cluster => cluster.CheckinInterval = TimeSpan.FromSeconds(5));
                store.ConfigureStore(o => o.SchemaProvisioning = SchemaProvisioning.CreateIfMissing);
            });
            quartz.AddJob<ClosingWave>(job => job.WithIdentity(ClosingWave.Key).StoreDurably());
        });
        builder.Services.AddQuartzHostedService(o => o.WaitForJobsToComplete = true);
    }
}

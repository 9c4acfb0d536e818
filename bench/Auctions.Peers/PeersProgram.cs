using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using Auctions.Peers.Designs;
using Microsoft.Extensions.Options;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Peers;

/// <summary>Serves one peer design. The setting <c>Peer:Design</c> names it.</summary>
internal static class PeersProgram
{
    public static Task Main(string[] args)
    {
        var builder = ServiceHost.CreateBuilder("peer", args);
        builder.Services
            .AddSection<PeerOptions>(builder.Configuration)
            .AddAuctionsGrpc(builder.Configuration)
            .AddPostgres(builder.Configuration)
            .AddSection<RedisOptions>(builder.Configuration)
            .AddSingleton(s => Create(s.GetRequiredService<IOptions<PeerOptions>>().Value.Design, s));

        var app = builder.Build();
        app.UseCalls();
        app.MapGrpcService<PeerRpc>();
        app.Services.GetRequiredService<IPeerDesign>(); // connects now, not in the first call
        return app.MapGrpcDefaults().RunAsync();
    }

    private static IPeerDesign Create(string design, IServiceProvider services)
    {
        var timeProvider = services.GetRequiredService<TimeProvider>();
        return design switch
        {
            PeerDesigns.ForUpdate => new ForUpdate(Postgres(), batched: false, timeProvider),
            PeerDesigns.ForUpdateBatched => BatchedForUpdate(),
            PeerDesigns.PlPgSql => new PlPgSql(Postgres(), timeProvider),
            PeerDesigns.RedisLock => new RedisLock(Redis(), BatchedForUpdate(), timeProvider),
            PeerDesigns.Echo => new Echo(),
            _ => throw new ArgumentException($"There is no design '{design}'.", nameof(design)),
        };

        NpgsqlDataSource Postgres() => services.GetRequiredService<NpgsqlDataSource>();

        ForUpdate BatchedForUpdate() => new(Postgres(), batched: true, timeProvider);

        // Blocks once, at start.
        IDatabase Redis()
        {
            var configuration = services.GetRequiredService<IOptions<RedisOptions>>().Value.Configuration;
            return RedisConnection.ConnectAsync(configuration).GetAwaiter().GetResult().GetDatabase();
        }
    }
}

/// <summary>Section <c>Peer</c> of the configuration.</summary>
internal sealed class PeerOptions : ISectionOptions
{
    public static string Section => "Peer";

    /// <summary>One of <see cref="PeerDesigns"/>.</summary>
    public string Design { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (!PeerDesigns.All.Contains(Design))
            yield return $"Peer:Design must be one of {string.Join(", ", PeerDesigns.All)}, but is '{Design}'.";
    }
}

/// <summary>The peers' tables, and the function of the design that decides in Postgres.</summary>
internal static class PeerSchema
{
    /// <summary>Drops the schema with all its data and creates it again.</summary>
    public static string Sql { get; } = Read("schema.sql") + Read("place_bid.sql");

    private static string Read(string name)
    {
        using var stream = typeof(PeerSchema).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The assembly has no resource {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}

using Auctions.Ledger;
using Auctions.Peers.Designs;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Microsoft.Extensions.Options;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Peers;

/// <summary>Serves one peer design: <c>Peer:Design</c> names it.</summary>
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
        app.MapGrpcService<PeerRpc>();
        app.Services.GetRequiredService<IPeerDesign>(); // connects now, and not in the first call
        return app.MapGrpcDefaults().RunAsync();
    }

    private static IPeerDesign Create(string design, IServiceProvider services)
    {
        var time = services.GetRequiredService<TimeProvider>();
        return design switch
        {
            PeerDesigns.ForUpdate => new ForUpdate(Postgres(), batched: false, time),
            PeerDesigns.ForUpdateBatched => new ForUpdate(Postgres(), batched: true, time),
            PeerDesigns.PlPgSql => new PlPgSql(Postgres(), time),
            PeerDesigns.RedisLock => new RedisLock(Redis(), new ForUpdate(Postgres(), batched: true, time), time),
            PeerDesigns.Echo => new Echo(),
            _ => throw new ArgumentException($"There is no design '{design}'.", nameof(design)),
        };

        NpgsqlDataSource Postgres() => services.GetRequiredService<NpgsqlDataSource>();

        // Blocks once, at start.
        IDatabase Redis() => RedisConnection
            .ConnectAsync(services.GetRequiredService<IOptions<RedisOptions>>().Value.Configuration).GetAwaiter().GetResult().GetDatabase();
    }
}

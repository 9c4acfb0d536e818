using Auctions.Platform.Chain;
using Auctions.Platform.HotState;
using Auctions.Platform.Ledger;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Platform.Hosting;

/// <summary>The stores that services share, each with its options, its connections and its readiness.</summary>
public static class Stores
{
    /// <summary>
    /// The ledger on Postgres: <see cref="AddPostgres"/>, <see cref="ILedger"/>,
    /// <see cref="LedgerLifecycle"/>, <see cref="LedgerWaves"/>, <see cref="LedgerHistory"/>. The schema is brought up to date before anything that is registered later starts.
    /// </summary>
    public static IServiceCollection AddLedger(this IServiceCollection services, IConfiguration configuration) => services
        .AddPostgres(configuration)
        .AddSingleton<PostgresLedger>().AddSingleton<ILedger>(s => s.GetRequiredService<PostgresLedger>())
        .AddSingleton<LedgerLifecycle>().AddSingleton<LedgerWaves>().AddSingleton<LedgerHistory>()
        .AddSingleton<Migrations>().AddHostedService<LedgerSchema>();

    /// <summary>Postgres (<c>Postgres:ConnectionString</c>) alone, for those who only read: <see cref="NpgsqlDataSource"/>.</summary>
    public static IServiceCollection AddPostgres(this IServiceCollection services, IConfiguration configuration) => services
        .AddSection<PostgresOptions>(configuration)
        .AddSingleton(s => LedgerDataSource.Create(
            s.GetRequiredService<IOptions<PostgresOptions>>().Value.ConnectionString, s.GetRequiredService<ILoggerFactory>()))
        .AddSingleton(s => new ReadinessCheck("postgres", Required: true, cancellation => AnswersAsync(s, cancellation)));

    /// <summary>
    /// The hot state on Redis (<c>Redis:Configuration</c>): <see cref="IConnectionMultiplexer"/>, <see cref="IHotState"/>. The
    /// service starts, and is ready, without Redis too.
    /// </summary>
    public static IServiceCollection AddHotState(this IServiceCollection services, IConfiguration configuration) => services
        .AddSection<RedisOptions>(configuration)
        .AddSection<HotStateOptions>(configuration)
        // Blocks once, at start, and no longer than the first attempt to connect.
        .AddSingleton(s => RedisConnection.ConnectAsync(s.GetRequiredService<IOptions<RedisOptions>>().Value.Configuration).GetAwaiter().GetResult())
        .AddSingleton(s => new HotStateCircuit(
            new RedisHotState(s.GetRequiredService<IConnectionMultiplexer>(),
                s.GetRequiredService<IOptions<HotStateOptions>>().Value, s.GetRequiredService<ILogger<RedisHotState>>()),
            s.GetRequiredService<TimeProvider>(), s.GetRequiredService<ILogger<HotStateCircuit>>()))
        .AddSingleton<IHotState>(s => s.GetRequiredService<HotStateCircuit>())
        .AddSingleton(s => new ReadinessCheck("redis", Required: false, _ => s.GetRequiredService<IConnectionMultiplexer>().GetDatabase().PingAsync()));

    /// <summary>Both, and what brings them together again.</summary>
    public static IServiceCollection AddStores(this IServiceCollection services, IConfiguration configuration) =>
        services.AddLedger(configuration).AddHotState(configuration).AddSingleton<Recovery>();

    private static async Task AnswersAsync(IServiceProvider services, CancellationToken cancellation)
    {
        await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand("select 1");
        await command.ExecuteScalarAsync(cancellation);
    }
}

/// <summary>Where Postgres is.</summary>
public sealed class PostgresOptions : ISectionOptions
{
    public static string Section => "Postgres";

    /// <summary>As Npgsql reads it: <c>Host=...;Port=...;Username=...;Password=...;Database=...</c>.</summary>
    public string ConnectionString { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (!IsUsable()) yield return "Postgres:ConnectionString must be a connection string with at least Host and Database.";
    }

    private bool IsUsable()
    {
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(ConnectionString);
            return !string.IsNullOrEmpty(settings.Host) && !string.IsNullOrEmpty(settings.Database);
        }
        catch (ArgumentException)
        {
            // Its message would repeat the text, and with it a password.
            return false;
        }
    }
}

/// <summary>Where Redis is.</summary>
public sealed class RedisOptions : ISectionOptions
{
    public static string Section => "Redis";

    /// <summary>As StackExchange.Redis reads it: <c>host:port,option=value</c>.</summary>
    public string Configuration { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (!IsUsable()) yield return "Redis:Configuration must be host:port, with options after commas.";
    }

    private bool IsUsable()
    {
        try
        {
            return ConfigurationOptions.Parse(Configuration).EndPoints.Count > 0;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

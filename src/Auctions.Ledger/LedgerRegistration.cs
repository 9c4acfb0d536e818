using Auctions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>The ledger as services use it: its options, its connections, its health.</summary>
public static class LedgerRegistration
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
        .AddDependency("postgres", required: true, AnswersAsync);

    private static async Task AnswersAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand("select 1");
        await command.ExecuteScalarAsync(cancellationToken);
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

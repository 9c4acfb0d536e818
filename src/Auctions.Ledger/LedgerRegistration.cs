using Auctions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>The ledger as services use it: its options, its connections, its schema, its health.</summary>
public static class LedgerRegistration
{
    /// <summary>
    /// The ledger on Postgres: <see cref="AddPostgres"/>, <see cref="ILedger"/>, <see cref="LedgerLifecycle"/>, <see
    /// cref="LedgerWaves"/>, <see cref="LedgerHistory"/>. The schema is brought up to date before any hosted service
    /// that is registered later starts.
    /// </summary>
    public static IServiceCollection AddLedger(this IServiceCollection services, IConfiguration configuration) => services
        .AddPostgres(configuration)
        .AddSingleton<PostgresLedger>().AddSingleton<ILedger>(provider => provider.GetRequiredService<PostgresLedger>())
        .AddSingleton<LedgerLifecycle>().AddSingleton<LedgerWaves>()
        .AddSingleton(provider => Migrations.OfThisVersion(
            provider.GetRequiredService<NpgsqlDataSource>(), provider.GetRequiredService<ILogger<Migrations>>()))
        .AddHostedService<LedgerSchema>()
        .AddLedgerWarmUp();

    /// <summary>
    /// Postgres (<c>Postgres:ConnectionString</c>) for services that only read: <see cref="NpgsqlDataSource"/>,
    /// <see cref="LedgerHistory"/>.
    /// </summary>
    public static IServiceCollection AddPostgres(this IServiceCollection services, IConfiguration configuration) => services
        .AddSection<PostgresOptions>(configuration)
        .AddSingleton(provider => LedgerDataSource.Create(
            provider.GetRequiredService<IOptions<PostgresOptions>>().Value.ConnectionString,
            provider.GetRequiredService<ILoggerFactory>()))
        .AddSingleton<LedgerStatements>()
        .AddSingleton<LedgerHistory>()
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

/// <summary>
/// Runs before anything else: waits for Postgres, makes sure that it loses no commit, and brings its schema up to date.
/// A service that starts before Postgres, as after a power cut, waits for it.
/// </summary>
internal sealed class LedgerSchema(
    NpgsqlDataSource source, Migrations migrations, TimeProvider timeProvider, ILogger<LedgerSchema> logger) : IHostedService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    /// <exception cref="LedgerConfigurationException">Postgres is configured so that a commit could be
    /// lost.</exception>
    /// <exception cref="MigrationException">The schema cannot be brought up to date.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        for (var first = true; ; first = false)
        {
            try
            {
                await LedgerDataSource.CheckDurabilityAsync(source, cancellationToken);
                await migrations.RunAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException e) when (e.IsTransient || e is not PostgresException)
            {
                if (first) logger.LedgerNotReady(e.Message);
                await Task.Delay(RetryDelay, timeProvider, cancellationToken);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

using Auctions.Core;
using Auctions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>Registers the ledger in a service: its options, connections, schema and health.</summary>
public static class LedgerRegistration
{
    /// <summary>
    /// Adds <see cref="AddPostgres"/>, <see cref="ILedger"/>, <see cref="ILedgerLifecycle"/> and
    /// <see cref="ILedgerWaves"/>. The schema is up to date before any hosted service starts that is registered later.
    /// </summary>
    public static IServiceCollection AddLedger(
        this IServiceCollection services, IConfiguration configuration) => services
        .AddPostgres(configuration)
        .AddSingleton<RowLocks>()
        .AddSingleton<PostgresLedger>().AddSingleton<ILedger>(provider => provider.GetRequiredService<PostgresLedger>())
        .AddSingleton<LedgerLifecycle>()
        .AddSingleton<ILedgerLifecycle>(provider => provider.GetRequiredService<LedgerLifecycle>())
        .AddSingleton<ILedgerWaves, LedgerWaves>()
        .AddSingleton(provider => Migrations.OfThisVersion(
            provider.GetRequiredService<LedgerPools>().Probes, provider.GetRequiredService<ILogger<Migrations>>()))
        .AddHostedService<LedgerSchema>()
        .AddLedgerWarmUp();

    /// <summary>
    /// Adds what a service needs that only reads from Postgres (<c>Postgres:ConnectionString</c>):
    /// <see cref="LedgerPools"/> and <see cref="LedgerHistory"/>; and the comparison of clocks with the ledger's.
    /// </summary>
    public static IServiceCollection AddPostgres(
        this IServiceCollection services, IConfiguration configuration) => services
        .AddSection<PostgresOptions>(configuration)
        .AddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<PostgresOptions>>().Value;
            return LedgerPools.Create(
                options.ConnectionString, options.Pools, provider.GetRequiredService<ILoggerFactory>());
        })
        .AddSingleton<LedgerStatements>()
        .AddSingleton<LedgerHistory>()
        .AddDependency("postgres", required: true, AnswersAsync)
        .AddSection<ClockOptions>(configuration)
        .AddSingleton<LedgerClocks>()
        .AddSingleton(provider => new ComparedClock("this process", _ => Task.FromResult(
            provider.GetRequiredService<TimeProvider>().GetUtcNow().ToMicroseconds())))
        .AddDependency(ServiceHealth.ClockCheck, required: false, (provider, cancellationToken) =>
            provider.GetRequiredService<LedgerClocks>().CompareAsync(cancellationToken));

    private static async Task AnswersAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectGate.OpenAsync(
            services.GetRequiredService<LedgerPools>().Probes, cancellationToken);
        await using var command = new NpgsqlCommand("select 1", connection);
        await command.ExecuteScalarAsync(cancellationToken);
    }
}

/// <summary>The configuration section <c>Postgres</c>.</summary>
public sealed class PostgresOptions : ISectionOptions
{
    internal const string SectionName = "Postgres";

    public static string Section => SectionName;

    /// <summary>In the format of Npgsql: <c>Host=...;Port=...;Username=...;Password=...;Database=...</c>.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>The connections of each kind of work.</summary>
    public PoolSizes Pools { get; } = new();

    public IEnumerable<string> Failures()
    {
        if (!IsUsable())
            yield return "Postgres:ConnectionString must be a connection string with at least Host and Database.";
        foreach (var failure in Pools.Failures()) yield return failure;
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
            // The exception's message is not used: it would repeat the text, and the text may contain a password.
            return false;
        }
    }
}

/// <summary>
/// Runs before the other hosted services: waits for Postgres, checks that it does not lose commits, and brings its
/// schema up to date. It waits because a service may start before Postgres, for example after a power cut.
/// </summary>
internal sealed class LedgerSchema(
    LedgerPools pools, Migrations migrations, TimeProvider timeProvider, ILogger<LedgerSchema> logger)
    : IHostedService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    /// <exception cref="LedgerConfigurationException">
    /// With its configuration, Postgres could lose a commit.
    /// </exception>
    /// <exception cref="MigrationException">The schema cannot be brought up to date.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        for (var first = true; ; first = false)
        {
            try
            {
                await LedgerDataSource.CheckDurabilityAsync(pools.Probes, cancellationToken);
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

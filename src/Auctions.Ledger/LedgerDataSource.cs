using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>The services' connections to Postgres.</summary>
public static class LedgerDataSource
{
    /// <summary>
    /// Settings of each session. The services write the ledger's entries themselves, so the trigger on auctions need
    /// not. Their statements touch rows by key, many at once: plans are made once for each connection, and never scan a
    /// table that was small when they were made. Durability belongs to the server: fsync and synchronous_commit are not
    /// touched here, and <see cref="CheckDurabilityAsync"/> looks at them.
    /// </summary>
    private const string SessionOptions =
        "-c auctions.writer=ledger -c default_transaction_isolation=read\\ committed -c plan_cache_mode=force_generic_plan "
        + "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

    private const int ConnectTimeoutSeconds = 3;
    private const int CommandTimeoutSeconds = 10;
    private const int PreparedStatementsMax = 64;

    /// <summary>A pool of connections. What the connection string sets itself stays.</summary>
    /// <exception cref="ArgumentException">The connection string cannot be read.</exception>
    public static NpgsqlDataSource Create(string connectionString, ILoggerFactory? loggerFactory = null)
    {
        var given = new NpgsqlConnectionStringBuilder(connectionString);
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Options = $"{given.Options} {SessionOptions}".Trim(),
            MaxAutoPrepare = PreparedStatementsMax,
            AutoPrepareMinUsages = 2,
            // No statement of ours leaves anything behind in a session, so a reset at each return would be a wasted
            // round trip.
            NoResetOnClose = true,
        };
        if (!given.ContainsKey("Timeout")) settings.Timeout = ConnectTimeoutSeconds;
        if (!given.ContainsKey("Command Timeout")) settings.CommandTimeout = CommandTimeoutSeconds;
        if (!given.ContainsKey("Application Name")) settings.ApplicationName = "auctions";

        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        RowArrayResolverFactory.AddTo(builder);
        if (loggerFactory is not null) builder.UseLoggerFactory(loggerFactory);
        return builder.Build();
    }

    /// <summary>Zero acknowledged loss needs these settings of the server.</summary>
    /// <exception cref="LedgerConfigurationException">A setting would let a commit be lost; the message names
    /// it.</exception>
    public static async Task CheckDurabilityAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            "select name, setting from pg_settings "
            + "where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting = 'off' order by name");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (await reader.ReadAsync(cancellationToken))
        {
            throw new LedgerConfigurationException(
                $"Postgres has {reader.GetString(0)}={reader.GetString(1)}: a bid that was answered could be lost. Set it to on.");
        }
    }
}

/// <summary>Postgres is configured so that promises cannot be kept. The message names the setting.</summary>
public sealed class LedgerConfigurationException(string message) : Exception(message);

using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>The services' connections to Postgres.</summary>
public static class LedgerDataSource
{
    /// <summary>
    /// Settings of each session. With auctions.writer=ledger the trigger on auctions appends no entry, because the
    /// services write the ledger's entries themselves. The services' statements touch many rows by key. Postgres
    /// therefore plans a statement once for each connection, and the plan never scans a table that happened to be small
    /// at the time. Durability is a matter of the server: this class does not change fsync and synchronous_commit, but
    /// <see cref="CheckDurabilityAsync"/> checks them.
    /// </summary>
    private const string SessionOptions =
        "-c auctions.writer=ledger "
        + "-c default_transaction_isolation=read\\ committed "
        + "-c plan_cache_mode=force_generic_plan "
        + "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off";

    private const int ConnectTimeoutSeconds = 3;
    private const int CommandTimeoutSeconds = 10;
    private const int PreparedStatementsMax = 64;

    /// <summary>A pool of connections. Settings of the connection string take precedence over the ones here.</summary>
    /// <param name="pool">The pool's name in the application name.</param>
    /// <param name="size">The most connections of the pool; 0 = Npgsql's default.</param>
    /// <exception cref="ArgumentException">The connection string cannot be read.</exception>
    public static NpgsqlDataSource Create(
        string connectionString, ILoggerFactory? loggerFactory = null, string pool = "", int size = 0)
    {
        var given = new NpgsqlConnectionStringBuilder(connectionString);
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            Options = $"{given.Options} {SessionOptions}".Trim(),
            MaxAutoPrepare = PreparedStatementsMax,
            AutoPrepareMinUsages = 2,
            // Our statements change nothing in a session, so a reset at each return would be a wasted round trip.
            NoResetOnClose = true,
        };
        if (!given.ContainsKey("Timeout")) settings.Timeout = ConnectTimeoutSeconds;
        if (!given.ContainsKey("Command Timeout")) settings.CommandTimeout = CommandTimeoutSeconds;
        if (!given.ContainsKey("Application Name")) settings.ApplicationName = $"auctions {pool}".TrimEnd();
        if (!given.ContainsKey("Maximum Pool Size") && size > 0) settings.MaxPoolSize = size;

        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        RowArrayResolverFactory.AddTo(builder);
        if (loggerFactory is not null) builder.UseLoggerFactory(loggerFactory);
        return builder.Build();
    }

    /// <summary>Checks the server's settings without which an acknowledged bid could be lost.</summary>
    /// <exception cref="LedgerConfigurationException">
    /// A commit could be lost. The message names the setting.
    /// </exception>
    public static async Task CheckDurabilityAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectGate.OpenAsync(source, cancellationToken);
        await using var command = new NpgsqlCommand(
            "select name, setting from pg_settings "
            + "where name in ('fsync', 'synchronous_commit', 'full_page_writes') and setting = 'off' order by name",
            connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (await reader.ReadAsync(cancellationToken))
        {
            throw new LedgerConfigurationException(
                $"Postgres has {reader.GetString(0)}={reader.GetString(1)}: a bid that was answered could be lost. "
                + "Set it to on.");
        }
    }
}

/// <summary>With its configuration, Postgres could lose an acknowledged bid. The message names the setting.</summary>
public sealed class LedgerConfigurationException(string message) : Exception(message);

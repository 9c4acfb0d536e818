using Auctions.Ledger;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Before anything else: waits for Postgres, makes sure that it loses no commit, and brings its schema up to date. A service that
/// comes up before Postgres does, as after a power cut, waits for it.
/// </summary>
public sealed partial class LedgerSchema(NpgsqlDataSource source, Migrations migrations, TimeProvider timeProvider, ILogger<LedgerSchema> logger)
    : IHostedService
{
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(500);

    /// <exception cref="LedgerConfigurationException">Postgres is set up so that a commit could be lost.</exception>
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
                if (first) Waits(e.Message);
                await Task.Delay(TryAgainAfter, timeProvider, cancellationToken);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(LogLevel.Warning, "Postgres does not answer yet; waiting for it: {Reason}")]
    private partial void Waits(string reason);
}

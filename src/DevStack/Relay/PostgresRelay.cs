using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace DevStack.Relay;

/// <summary>
/// Stands in for Debezium on one machine: what is committed in Postgres goes to Kafka, at least once, in order per auction, for ever.
/// </summary>
public sealed class PostgresRelay(RelayOptions options, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    /// <summary>Relays until cancelled; connects again, with a growing pause, whatever breaks.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var backoff = BackoffMin;
        while (!cancellationToken.IsCancellationRequested)
        {
            await using var session = new RelaySession(options, clock, logger);
            try
            {
                await session.RunAsync(cancellationToken);
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (IsPassing(e))
            {
                if (session.HasStreamed) backoff = BackoffMin;
                RelayLog.StartingAgain(logger, backoff.TotalMilliseconds, e.Message);
            }

            await Task.Delay(backoff, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
        }
    }

    // Of the other side, and not of this program.
    private static bool IsPassing(Exception e) =>
        e is NpgsqlException or KafkaException or IOException or TimeoutException or OperationCanceledException or ObjectDisposedException;
}

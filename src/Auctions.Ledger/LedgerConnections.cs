using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Runs work on a connection, and says in the ledger's terms what went wrong: a lost race is run again once, a plan of before a migration too, anything
/// that leaves the outcome open is <see cref="LedgerUnavailableException"/>, and what can only be a defect stays what it is.
/// </summary>
internal sealed class LedgerConnections(NpgsqlDataSource source)
{
    public Task<T> UseAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        TryAsync(() => OnConnectionAsync(work, cancellationToken));

    /// <summary>The same, but a lost race surfaces as what Postgres says of it.</summary>
    public Task<T> UseOnceAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        TryAsync(() => OnConnectionAsync(work, cancellationToken), again: false);

    /// <summary>The same for work that gets itself a connection, to keep.</summary>
    public async Task<T> TryAsync<T>(Func<Task<T>> work, bool again = true)
    {
        for (var first = true; ; first = false)
        {
            try
            {
                return await work();
            }
            catch (PostgresException e) when (again && IsRace(e))
            {
                // Rolled back as a whole, so that running it again is safe whatever it was.
                if (!first) throw new LedgerUnavailableException($"Postgres chose another transaction, twice: {e.SqlState} {e.MessageText}", e);
            }
            catch (PostgresException e) when (first && IsStalePlan(e))
            {
                source.Clear(); // prepared statements, and their plans, are a connection's
            }
            catch (NpgsqlException e) when (IsUnavailable(e))
            {
                // Idle connections to a server that has gone are as dead as this one.
                if (e is not PostgresException { InvariantSeverity: not ("FATAL" or "PANIC") }) source.Clear();
                throw new LedgerUnavailableException($"Postgres: {e.Message}", e);
            }
        }
    }

    /// <summary>The server refused the values themselves, such as a number out of range: nothing was done, and never will be.</summary>
    public static bool IsBadData(PostgresException e) => e.SqlState is ['2', '2' or '3', ..] && !IsRace(e);

    /// <summary>Another transaction was there first; this one is rolled back.</summary>
    public static bool IsRace(PostgresException e) => e.SqlState
        is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    /// <summary>A statement was prepared before a migration changed the type of a column that it returns: "cached plan must not change result type".</summary>
    private static bool IsStalePlan(PostgresException e) => e is { SqlState: PostgresErrorCodes.FeatureNotSupported, Routine: "RevalidateCachedQuery" };

    private async Task<T> OnConnectionAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        return await work(connection);
    }

    /// <summary>
    /// Not an answer of the server's: the connection is lost, could not be had, or took too long. Or an answer that says the same:
    /// classes 08 connection, 53 resources, 57 operator (shutdown, cancelled), 58 system, XX internal; a standby, which cannot write.
    /// </summary>
    private static bool IsUnavailable(NpgsqlException e) => e is not PostgresException answer || answer.SqlState
        is ['0', '8', ..] or ['5', '3' or '7' or '8', ..] or ['X', 'X', ..]
        or PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.StatementCompletionUnknown;
}

using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Runs work on a connection and translates exceptions. After a lost race, or with a statement plan from before a
/// migration, the work runs once more. If the outcome is unknown, it throws <see cref="LedgerUnavailableException"/>.
/// Any other exception is a defect and passes through unchanged.
/// </summary>
internal sealed class LedgerConnections(NpgsqlDataSource source)
{
    /// <summary>Runs the work on a connection of the pool.</summary>
    public Task<T> UseAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        TryAsync(() => OnConnectionAsync(work, cancellationToken));

    /// <summary>Like <see cref="UseAsync"/>, but a lost race throws the exception of Postgres.</summary>
    public Task<T> UseOnceAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        TryAsync(() => OnConnectionAsync(work, cancellationToken), retriesRaces: false);

    /// <summary>Runs work that opens its own connection and keeps it.</summary>
    public async Task<T> TryAsync<T>(Func<Task<T>> work, bool retriesRaces = true)
    {
        for (var first = true; ; first = false)
        {
            try
            {
                return await work();
            }
            catch (PostgresException e) when (retriesRaces && IsRace(e))
            {
                // Postgres rolled the whole transaction back, so it is always safe to run it again.
                if (first) continue;
                throw new LedgerUnavailableException(
                    $"Postgres rolled this transaction back for another one, twice: {e.SqlState} {e.MessageText}", e);
            }
            catch (PostgresException e) when (first && IsStalePlan(e))
            {
                source.Clear(); // a prepared statement and its plan live as long as their connection
            }
            catch (NpgsqlException e) when (IsUnavailable(e))
            {
                // If the server is gone, the idle connections of the pool are lost as well.
                if (e is not PostgresException { InvariantSeverity: not ("FATAL" or "PANIC") } && !IsExhausted(e))
                    source.Clear();
                throw new LedgerUnavailableException($"Postgres: {e.Message}", e);
            }
        }
    }

    /// <summary>
    /// The server rejected the values themselves, such as a number out of range. Nothing was done, and another attempt
    /// would fail too.
    /// </summary>
    public static bool IsBadData(PostgresException e) => e.SqlState is ['2', '2' or '3', ..] && !IsRace(e);

    /// <summary>Another transaction was first, and Postgres rolled this one back.</summary>
    public static bool IsRace(PostgresException e) => e.SqlState
        is PostgresErrorCodes.UniqueViolation
        or PostgresErrorCodes.SerializationFailure
        or PostgresErrorCodes.DeadlockDetected;

    /// <summary>Another transaction held a lock for longer than lock_timeout. Nothing was done.</summary>
    public static bool IsLocked(PostgresException e) => e.SqlState == PostgresErrorCodes.LockNotAvailable;

    /// <summary>
    /// A statement was prepared before a migration changed the type of a column that it returns: "cached plan must not
    /// change result type".
    /// </summary>
    private static bool IsStalePlan(PostgresException e) =>
        e is { SqlState: PostgresErrorCodes.FeatureNotSupported, Routine: "RevalidateCachedQuery" };

    private async Task<T> OnConnectionAsync<T>(
        Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectGate.OpenAsync(source, cancellationToken);
        return await work(connection);
    }

    /// <summary>
    /// All connections of the pool were in use for as long as a caller waits. The server is not to blame.
    /// </summary>
    private static bool IsExhausted(NpgsqlException e) =>
        e.Message.StartsWith("The connection pool has been exhausted", StringComparison.Ordinal);

    /// <summary>
    /// The server did not answer: the connection was lost, could not be opened, or took too long. Some answers mean
    /// the same: the SQLSTATE classes 08 (connection), 53 (resources), 57 (operator: shutdown, cancelled), 58 (system)
    /// and XX (internal), and the answer of a standby, which cannot write.
    /// </summary>
    private static bool IsUnavailable(NpgsqlException e) => e is not PostgresException answer || answer.SqlState
        is ['0', '8', ..] or ['5', '3' or '7' or '8', ..] or ['X', 'X', ..]
        or PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.StatementCompletionUnknown;
}

/// <summary>Builds and runs statements with positional parameters.</summary>
internal static class LedgerCommands
{
    /// <summary>A single statement.</summary>
    public static NpgsqlCommand Command(
        this NpgsqlConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>One statement of a batch.</summary>
    public static NpgsqlBatchCommand Part(string sql, params ReadOnlySpan<object> values)
    {
        var part = new NpgsqlBatchCommand(sql);
        foreach (var value in values) part.Parameters.Add(new NpgsqlParameter { Value = value });
        return part;
    }

    /// <summary>Runs a query and maps all of its rows.</summary>
    public static async Task<List<T>> QueryAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken, params object[] values)
    {
        await using var command = connection.Command(sql, values);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<T>();
        while (await rows.ReadAsync(cancellationToken)) all.Add(read(rows));
        return all;
    }
}

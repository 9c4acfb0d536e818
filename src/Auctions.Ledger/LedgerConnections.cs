using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Runs work on a connection and translates what goes wrong. A lost race runs again once, and so does a plan from
/// before a migration. Whatever leaves the outcome open is a <see cref="LedgerUnavailableException"/>. Anything else
/// can only be a defect, and stays what it is.
/// </summary>
internal sealed class LedgerConnections(NpgsqlDataSource source)
{
    public Task<T> UseAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        TryAsync(() => OnConnectionAsync(work, cancellationToken));

    /// <summary>The same, but a lost race throws Postgres' own exception.</summary>
    public Task<T> UseOnceAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken) =>
        TryAsync(() => OnConnectionAsync(work, cancellationToken), retriesRaces: false);

    /// <summary>The same for work that opens a connection of its own and keeps it.</summary>
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
                // Postgres rolled the whole transaction back, so running it again is safe, whatever it was.
                if (!first)
                    throw new LedgerUnavailableException($"Postgres preferred another transaction twice: {e.SqlState} {e.MessageText}", e);
            }
            catch (PostgresException e) when (first && IsStalePlan(e))
            {
                source.Clear(); // prepared statements and their plans belong to a connection
            }
            catch (NpgsqlException e) when (IsUnavailable(e))
            {
                // Idle connections to a server that has gone are as dead as this one.
                if (e is not PostgresException { InvariantSeverity: not ("FATAL" or "PANIC") }) source.Clear();
                throw new LedgerUnavailableException($"Postgres: {e.Message}", e);
            }
        }
    }

    /// <summary>
    /// The server rejected the values themselves, such as a number out of range: nothing was done, and never will be.
    /// </summary>
    public static bool IsBadData(PostgresException e) => e.SqlState is ['2', '2' or '3', ..] && !IsRace(e);

    /// <summary>Another transaction was first; this one is rolled back.</summary>
    public static bool IsRace(PostgresException e) => e.SqlState
        is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected;

    /// <summary>
    /// A statement was prepared before a migration changed the type of a column that it returns: "cached plan must not
    /// change result type".
    /// </summary>
    private static bool IsStalePlan(PostgresException e) =>
        e is { SqlState: PostgresErrorCodes.FeatureNotSupported, Routine: "RevalidateCachedQuery" };

    private async Task<T> OnConnectionAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        return await work(connection);
    }

    /// <summary>
    /// No answer from the server: the connection is lost, could not be opened, or took too long. Or an answer that
    /// means the same: the SQLSTATE classes 08 connection, 53 resources, 57 operator (shutdown, cancelled), 58 system,
    /// XX internal; or a standby, which cannot write.
    /// </summary>
    private static bool IsUnavailable(NpgsqlException e) => e is not PostgresException answer || answer.SqlState
        is ['0', '8', ..] or ['5', '3' or '7' or '8', ..] or ['X', 'X', ..]
        or PostgresErrorCodes.ReadOnlySqlTransaction or PostgresErrorCodes.LockNotAvailable
        or PostgresErrorCodes.StatementCompletionUnknown;
}

/// <summary>Statements with parameters by position.</summary>
internal static class LedgerCommands
{
    /// <summary>A statement of its own.</summary>
    public static NpgsqlCommand Command(this NpgsqlConnection connection, string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    /// <summary>A part of a batch.</summary>
    public static NpgsqlBatchCommand Part(string sql, params ReadOnlySpan<object> values)
    {
        var part = new NpgsqlBatchCommand(sql);
        foreach (var value in values) part.Parameters.Add(new NpgsqlParameter { Value = value });
        return part;
    }

    /// <summary>Runs a query and maps all of its rows.</summary>
    public static async Task<List<T>> QueryAsync<T>(
        this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken,
        params object[] values)
    {
        await using var command = connection.Command(sql, values);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var all = new List<T>();
        while (await rows.ReadAsync(cancellationToken)) all.Add(read(rows));
        return all;
    }
}

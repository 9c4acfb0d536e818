using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Brings a database to the schema of this version: applies the missing migrations in order, each in its own
/// transaction. An advisory lock makes processes that start together take turns. An applied file never changes. Each
/// change of the schema is a new file in <c>Migrations/</c>.
/// </summary>
public sealed class Migrations(NpgsqlDataSource source, IEnumerable<Migration> files, ILogger<Migrations> logger)
{
    /// <summary>The advisory lock's key. Any number will do that nothing else in the database locks.</summary>
    private const long LockKey = 0x41756374696F6E73;

    private const int LockWaitMaxSeconds = 60;

    private const string CreateTable = """
        create table if not exists schema_migrations (
          number     integer primary key,
          name       text not null,
          checksum   text not null,
          applied_at timestamptz not null default now()
        )
        """;

    private readonly IReadOnlyList<Migration> _files = [.. files];

    /// <summary>The migrations that are embedded in this version.</summary>
    public static Migrations OfThisVersion(NpgsqlDataSource source, ILogger<Migrations> logger) =>
        new(source, EmbeddedSql.Migrations(), logger);

    /// <summary>Applies the missing migrations.</summary>
    /// <returns>The number of applied files.</returns>
    /// <exception cref="MigrationException">
    /// A file changed after it was applied, two files have the same number, or a file failed.
    /// </exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        if (_files.GroupBy(f => f.Number).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            var names = string.Join(" and ", twice.Select(f => f.Name));
            throw new MigrationException($"Migrations {names} have the same number.");
        }

        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            "select pg_advisory_lock(@LockKey)", new { LockKey }, commandTimeout: LockWaitMaxSeconds,
            cancellationToken: cancellationToken));
        try
        {
            await connection.ExecuteAsync(new CommandDefinition(CreateTable, cancellationToken: cancellationToken));
            var applied = await ApplyMissingAsync(connection, cancellationToken);
            // Npgsql knows only the types that existed when it opened its first connection. The migrations may have
            // added some since then.
            await connection.ReloadTypesAsync(cancellationToken);
            return applied;
        }
        finally
        {
            // A pooled connection keeps session locks. If the unlock fails, the session is gone, and so is the lock.
            if (connection.State == System.Data.ConnectionState.Open)
                await connection.ExecuteAsync("select pg_advisory_unlock(@LockKey)", new { LockKey });
        }
    }

    private async Task<int> ApplyMissingAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var applied = (await connection.QueryAsync<(int Number, string Name, string Checksum)>(new CommandDefinition(
            "select number, name, checksum from schema_migrations", cancellationToken: cancellationToken)))
            .ToDictionary(a => a.Number);
        foreach (var unknown in applied.Values.Where(a => _files.All(f => f.Number != a.Number)))
            logger.MigrationUnknown(unknown.Name);

        var count = 0;
        foreach (var file in _files.OrderBy(f => f.Number))
        {
            if (applied.TryGetValue(file.Number, out var before))
            {
                if (before.Name != file.Name || before.Checksum != file.Checksum)
                {
                    throw new MigrationException(
                        $"Migration {file.Name} (checksum {file.Checksum}) was applied to this database as "
                        + $"{before.Name} (checksum {before.Checksum}). "
                        + "Applied migrations do not change: undo the change, and put it in a file with a new number.");
                }

                continue;
            }

            await ApplyAsync(connection, file, cancellationToken);
            count++;
        }

        return count;
    }

    private async Task ApplyAsync(NpgsqlConnection connection, Migration file, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        try
        {
            await connection.ExecuteAsync(
                new CommandDefinition(file.Text, transaction: transaction, cancellationToken: cancellationToken));
        }
        catch (PostgresException e)
        {
            throw new MigrationException(
                $"Migration {file.Name} failed: {e.SqlState} {e.MessageText} (position {e.Position}). "
                + "Nothing of it was applied.",
                e);
        }

        await connection.ExecuteAsync(new CommandDefinition(
            "insert into schema_migrations (number, name, checksum) values (@Number, @Name, @Checksum)",
            new { file.Number, file.Name, file.Checksum }, transaction, cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        logger.MigrationApplied(file.Name);
    }
}

/// <summary>One file of the schema's history.</summary>
/// <param name="Name">The file's name without its ending: <c>0001_auctions</c>.</param>
public sealed record Migration(int Number, string Name, string Text)
{
    /// <summary>The first 16 hex digits of the text's SHA-256.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)))[..16];

    /// <exception cref="MigrationException">The name does not begin with a number and an underscore.</exception>
    public static Migration Of(string fileName, string text)
    {
        var name = Path.GetFileNameWithoutExtension(fileName);
        return int.TryParse(name.Split('_')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new Migration(number, name, text)
            : throw new MigrationException($"Migration {fileName} needs a name such as 0007_what_it_does.sql.");
    }
}

/// <summary>
/// The database's schema does not fit this version, or a migration failed. The message says what is wrong and what to
/// do.
/// </summary>
public sealed class MigrationException(string message, Exception? inner = null) : Exception(message, inner);

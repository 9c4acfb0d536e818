using Npgsql;

namespace Auctions.IntegrationTests.Servers;

/// <summary>
/// An operator's transaction that changes the titles of auctions and stays open, so that their rows are locked.
/// Disposing it without a commit rolls it back.
/// </summary>
internal sealed class RowLock : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;

    private RowLock(NpgsqlConnection connection) => _connection = connection;

    public static async Task<RowLock> TakeAsync(string connectionString, params Guid[] auctions)
    {
        var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using (var begin = new NpgsqlCommand("begin", connection)) await begin.ExecuteNonQueryAsync();
        await using var update = new NpgsqlCommand(
            "update auctions set title = 'Edited' where id = any($1)", connection);
        update.Parameters.Add(new NpgsqlParameter { Value = auctions });
        Assert.Equal(auctions.Length, await update.ExecuteNonQueryAsync());
        return new RowLock(connection);
    }

    public async Task CommitAsync()
    {
        await using var commit = new NpgsqlCommand("commit", _connection);
        await commit.ExecuteNonQueryAsync();
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

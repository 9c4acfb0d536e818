using Npgsql;

namespace Auctions.Ledger;

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
}

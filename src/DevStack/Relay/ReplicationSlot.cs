using Microsoft.Extensions.Logging;
using Npgsql;
using Npgsql.Replication;

namespace DevStack.Relay;

/// <summary>The slot that keeps the log until the relay has confirmed it.</summary>
internal sealed class ReplicationSlot(RelayOptions options, NpgsqlDataSource source, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan PublicationPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Sees to it that there is one.</summary>
    /// <returns>Whether it was made just now, and so keeps nothing of before.</returns>
    internal async Task<bool> EnsureAsync(LogicalReplicationConnection connection, CancellationToken cancellationToken)
    {
        // A slot from before the publication would meet changes that it cannot decode, for ever.
        await PublicationAsync(cancellationToken);
        var status = await ScalarAsync("select wal_status from pg_replication_slots where slot_name = $1", options.Slot, cancellationToken);
        if (status is "lost")
        {
            RelayLog.SlotLost(logger, options.Slot);
            await connection.DropReplicationSlot(options.Slot, cancellationToken: cancellationToken);
        }
        else if (status is not null)
        {
            return false;
        }

        await connection.CreatePgOutputReplicationSlot(
            options.Slot, slotSnapshotInitMode: LogicalSlotSnapshotInitMode.NoExport, cancellationToken: cancellationToken);
        RelayLog.SlotMade(logger, options.Slot);
        return true;
    }

    private async Task PublicationAsync(CancellationToken cancellationToken)
    {
        var said = false;
        while (await ScalarAsync("select pubname::text from pg_publication where pubname = $1", options.Publication, cancellationToken) is null)
        {
            if (!said) RelayLog.WaitingForPublication(logger, options.Publication);
            said = true;
            await Task.Delay(PublicationPause, clock, cancellationToken);
        }
    }

    private async Task<string?> ScalarAsync(string sql, string name, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }
}

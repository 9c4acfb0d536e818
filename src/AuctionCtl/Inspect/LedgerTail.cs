using System.Runtime.CompilerServices;
using Npgsql;

namespace Auctions.Ctl.Inspect;

/// <summary>Follows an auction's ledger by asking for what is newer than the last entry seen.</summary>
public sealed class LedgerTail(NpgsqlDataSource postgres, TimeProvider timeProvider)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>The entries after a version as they come, up to and with the sealing one.</summary>
    public async IAsyncEnumerable<LedgerRow> FollowAsync(Guid auctionId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var version = after; ;)
        {
            await foreach (var row in ReadAsync(auctionId, version, cancellationToken).ConfigureAwait(false))
            {
                yield return row;
                version = row.Version!.Value;
                if (row.Kind == "sealed") yield break;
            }

            await Task.Delay(Pause, timeProvider, cancellationToken).ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<LedgerRow> ReadAsync(Guid auctionId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand(
            $"select {LedgerRow.Columns} from ledger where auction_id = $1 and version > $2 order by version");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = auctionId });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) yield return LedgerRow.Read(reader);
    }
}

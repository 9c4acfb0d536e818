using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using Npgsql;

namespace Auctions.Faults.Injection;

/// <summary>
/// An operator's transaction that stays open: it has changed the rows of auctions, and holds them until it commits.
/// </summary>
internal sealed class RowLock(FaultStack stack, FaultLog log, RunClock clock)
{
    /// <summary>Up to several hundred rows, of which each third open auction is left out.</summary>
    private const int RowsMax = 400;

    private static readonly TimeSpan Held = TimeSpan.FromSeconds(20);

    /// <summary>The rows are locked in the order of their ids, as every transaction of the services does.</summary>
    private const string Change = """
        update auctions set title = title where id in (
          select id from auctions where id = any(
            array(select id from auctions where $1 > 1 or status in ('scheduled', 'active')
                  order by status = 'active' desc, bid_count desc limit $1))
            and ($1 = 1 or hashtext(id::text) % 3 <> 0)
          order by id for update)
        returning id
        """;

    /// <exception cref="IOException">Postgres does not answer, or no auction is open.</exception>
    public async Task HoldAsync(
        PlannedFault fault, CancellationToken stopInjecting, CancellationToken cancellationToken)
    {
        using var owned = await stack.OwnAsync("rows of auctions", stopInjecting);
        await using var connection = new NpgsqlConnection(stack.PostgresConnection);
        try
        {
            await connection.OpenAsync(stopInjecting);
            await using var transaction = await connection.BeginTransactionAsync(stopInjecting);
            var held = await ChangeAsync(connection, fault.Variant < 0.5 ? 1 : RowsMax, stopInjecting);
            if (held.Count == 0) throw new IOException("no auction is open");
            using var lasting = log.Begin(fault.Kind, $"{held.Count} auctions", held);
            await clock.DelayAsync(Held, stopInjecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await transaction.CommitAsync(cancellationToken);
        }
        catch (NpgsqlException e)
        {
            // Postgres was killed: the transaction and its locks are gone.
            throw new IOException(e.Message, e);
        }
    }

    private static async Task<HashSet<Guid>> ChangeAsync(
        NpgsqlConnection connection, int rows, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Change, connection) { Parameters = { new() { Value = rows } } };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var held = new HashSet<Guid>();
        while (await reader.ReadAsync(cancellationToken)) held.Add(reader.GetGuid(0));
        return held;
    }
}

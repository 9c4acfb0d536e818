using System.Text;
using Auctions.Events;
using Npgsql.Replication.PgOutput;

namespace DevStack.Relay;

/// <summary>Turns rows of Postgres into messages. For one thread.</summary>
public sealed class ChangeEncoder(TimeProvider clock) : IDisposable
{
    private readonly EnvelopeWriter _envelope = new();

    /// <summary>An insert or an update.</summary>
    public async ValueTask<(byte[] Key, byte[] Value)> AfterAsync(
        ChangeOperation operation, RelayedTable table, ReplicationTuple row, ChangeSource source, CancellationToken cancellationToken)
    {
        _envelope.BeginAfter();
        var key = await WriteAsync(table, row, cancellationToken);
        return (Key(table, key), _envelope.End(operation, source, NowMs()));
    }

    /// <summary>A delete; of the row there is what the replica identity gives, the key as a rule.</summary>
    public async ValueTask<(byte[] Key, byte[] Value)> BeforeAsync(
        RelayedTable table, ReplicationTuple row, ChangeSource source, CancellationToken cancellationToken)
    {
        _envelope.BeginBefore();
        var key = await WriteAsync(table, row, cancellationToken);
        return (Key(table, key), _envelope.End(ChangeOperation.Delete, source, NowMs()));
    }

    /// <summary>A row of a snapshot.</summary>
    /// <param name="values">Text as Postgres writes it, or null, a value a column.</param>
    public (byte[] Key, byte[] Value) Snapshot(RelayedTable table, IReadOnlyList<string?> values, ChangeSource source)
    {
        _envelope.BeginAfter();
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is { } text) table.Columns[i].Write(_envelope.Row, text);
            else table.Columns[i].WriteNull(_envelope.Row);
        }

        return (Key(table, values[table.KeyIndex]), _envelope.End(ChangeOperation.Read, source, NowMs()));
    }

    /// <inheritdoc/>
    public void Dispose() => _envelope.Dispose();

    private long NowMs() => clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static byte[] Key(RelayedTable table, string? key) => key is null
        ? throw new InvalidOperationException($"A row of {table.Name} came without its key.")
        : Encoding.UTF8.GetBytes(key);

    // Gives the text of the key column.
    private async ValueTask<string?> WriteAsync(RelayedTable table, ReplicationTuple row, CancellationToken cancellationToken)
    {
        string? key = null;
        var index = 0;
        await foreach (var value in row.WithCancellation(cancellationToken))
        {
            var column = table.Columns[index];
            if (value.Kind == TupleDataKind.TextValue)
            {
                var text = await value.Get<string>(cancellationToken);
                if (index == table.KeyIndex) key = text;
                column.Write(_envelope.Row, text);
            }
            else if (value.Kind == TupleDataKind.Null)
            {
                column.WriteNull(_envelope.Row);
            }
            else
            {
                column.WriteUnavailable(_envelope.Row);
            }

            index++;
        }

        return key;
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using Auctions.Events;
using Npgsql.Replication.PgOutput;

namespace DevStack.Relay;

/// <summary>Encodes rows of Postgres as messages with Debezium's envelopes. For one thread.</summary>
public sealed class ChangeEncoder(TimeProvider timeProvider) : IDisposable
{
    private readonly EnvelopeWriter _envelope = new();

    /// <summary>The row that an insert or an update has left.</summary>
    public async ValueTask<(byte[] Key, byte[] Value)> EncodeRowAsync(
        ChangeOperation operation,
        RelayedTable table,
        ReplicationTuple row,
        ChangeSource source,
        CancellationToken cancellationToken)
    {
        _envelope.BeginAfter();
        var key = await WriteAsync(table, row, cancellationToken);
        return (KeyBytes(table, key), _envelope.End(operation, source, NowMs()));
    }

    /// <summary>A deleted row, with the columns of the replica identity: usually the key only.</summary>
    public async ValueTask<(byte[] Key, byte[] Value)> EncodeDeleteAsync(
        RelayedTable table, ReplicationTuple row, ChangeSource source, CancellationToken cancellationToken)
    {
        _envelope.BeginBefore();
        var key = await WriteAsync(table, row, cancellationToken);
        return (KeyBytes(table, key), _envelope.End(ChangeOperation.Delete, source, NowMs()));
    }

    /// <summary>A row of a snapshot.</summary>
    /// <param name="values">For each column the text that Postgres writes, or null.</param>
    public (byte[] Key, byte[] Value) EncodeSnapshotRow(
        RelayedTable table, IReadOnlyList<string?> values, ChangeSource source)
    {
        _envelope.BeginAfter();
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i] is { } text) table.Columns[i].Write(_envelope.Row, text);
            else table.Columns[i].WriteNull(_envelope.Row);
        }

        return (KeyBytes(table, values[table.KeyIndex]), _envelope.End(ChangeOperation.Read, source, NowMs()));
    }

    /// <summary>A heartbeat of now.</summary>
    public (byte[] Key, byte[] Value) EncodeHeartbeat() =>
        (EnvelopeWriter.HeartbeatKey(), EnvelopeWriter.Heartbeat(NowMs()));

    /// <inheritdoc/>
    public void Dispose() => _envelope.Dispose();

    private long NowMs() => timeProvider.GetUtcNow().ToUnixTimeMilliseconds();

    private static byte[] KeyBytes(RelayedTable table, string? key) => key is null
        ? throw new InvalidOperationException($"A row of {table.Name} came without its key.")
        : Encoding.UTF8.GetBytes(key);

    // Returns the text of the key column.
    private async ValueTask<string?> WriteAsync(
        RelayedTable table, ReplicationTuple row, CancellationToken cancellationToken)
    {
        string? key = null;
        var index = 0;
        await foreach (var value in row.WithCancellation(cancellationToken))
        {
            var column = table.Columns[index];
            switch (value.Kind)
            {
                case TupleDataKind.TextValue:
                    var text = await value.Get<string>(cancellationToken);
                    if (index == table.KeyIndex) key = text;
                    column.Write(_envelope.Row, text);
                    break;
                case TupleDataKind.Null:
                    column.WriteNull(_envelope.Row);
                    break;
                default:
                    column.WriteUnavailable(_envelope.Row);
                    break;
            }

            index++;
        }

        return key;
    }
}

/// <summary>A published table: the topic of its changes and the column that is the key of its messages.</summary>
public sealed class RelayedTable
{
    // As in the connector's message.key.columns: the auction's id in both tables.
    private static readonly Dictionary<string, string> KeyColumns = new()
    {
        ["public.auctions"] = "id",
        ["public.ledger"] = "auction_id",
    };

    private RelayedTable(string schema, string name, Column[] columns, int keyIndex)
    {
        Schema = schema;
        Name = name;
        Columns = columns;
        KeyIndex = keyIndex;
        Topic = $"{KafkaTopics.Prefix}.{schema}.{name}";
    }

    public string Schema { get; }

    /// <summary>The name without the schema.</summary>
    public string Name { get; }

    /// <summary>The published columns, in the order in which Postgres sends them.</summary>
    public IReadOnlyList<Column> Columns { get; }

    /// <summary>The index of the key column.</summary>
    public int KeyIndex { get; }

    public string Topic { get; }

    /// <summary>Creates the table; null if no key column is known for it.</summary>
    /// <exception cref="InvalidOperationException">The key is not among the columns.</exception>
    public static RelayedTable? Create(string schema, string name, IEnumerable<Column> columns)
    {
        if (!KeyColumns.TryGetValue($"{schema}.{name}", out var key)) return null;
        Column[] all = [.. columns];
        var index = Array.FindIndex(all, c => c.Name == key);
        return index >= 0
            ? new RelayedTable(schema, name, all, index)
            : throw new InvalidOperationException(
                $"The publication leaves out {schema}.{name}.{key}, the key of its messages.");
    }
}

/// <summary>A column: its name, and the conversion of its values from Postgres' text to Debezium's JSON.</summary>
/// <remarks>
/// Types without a case of their own stay text, as with Debezium's handling modes set to <c>string</c>.
/// </remarks>
public readonly record struct Column
{
    private readonly JsonEncodedText _name;
    private readonly uint _type;

    /// <param name="name">Its name.</param>
    /// <param name="typeId">The OID of its type.</param>
    public Column(string name, uint typeId)
    {
        Name = name;
        _name = JsonEncodedText.Encode(name);
        _type = typeId;
    }

    public string Name { get; }

    private bool IsArray => _type is Oid.TextArray or Oid.VarcharArray;

    /// <summary>Writes the name and null.</summary>
    public void WriteNull(Utf8JsonWriter json) => json.WriteNull(_name);

    /// <summary>Writes the name and the placeholder for a value that Postgres did not send.</summary>
    public void WriteUnavailable(Utf8JsonWriter json)
    {
        json.WritePropertyName(_name);
        if (IsArray) json.WriteStartArray();
        json.WriteStringValue(RowReader.UnavailableValue);
        if (IsArray) json.WriteEndArray();
    }

    /// <summary>Writes the name and a value.</summary>
    /// <param name="text">The output of Postgres for the value, in the time zone UTC.</param>
    public void Write(Utf8JsonWriter json, string text)
    {
        switch (_type)
        {
            case Oid.Int8 or Oid.Int4 or Oid.Int2:
                json.WriteNumber(_name, long.Parse(text, CultureInfo.InvariantCulture));
                break;
            case Oid.Bool:
                json.WriteBoolean(_name, text is "t" or "true");
                break;
            case Oid.TimestampTz:
                json.WriteString(_name, ZonedTimestamp(text));
                break;
            case Oid.TextArray or Oid.VarcharArray:
                json.WritePropertyName(_name);
                ArrayLiteral.Write(json, text);
                break;
            default:
                json.WriteString(_name, text);
                break;
        }
    }

    // 2026-11-21 22:44:29.123456+00 becomes 2026-11-21T22:44:29.123456Z; infinity stays as it is.
    private static string ZonedTimestamp(string text) => text.EndsWith("+00", StringComparison.Ordinal)
        ? string.Concat(text.AsSpan(0, 10), "T", text.AsSpan(11, text.Length - 14), "Z")
        : text;

    private static class Oid
    {
        internal const uint Bool = 16, Int8 = 20, Int2 = 21, Int4 = 23;
        internal const uint TextArray = 1009, VarcharArray = 1015, TimestampTz = 1184;
    }
}

/// <summary>
/// Converts Postgres' text of a one-dimensional array, such as <c>{plain,"quo\"ted",NULL}</c>, to a JSON array of
/// strings.
/// </summary>
public static class ArrayLiteral
{
    /// <exception cref="FormatException">The text is no such array.</exception>
    public static void Write(Utf8JsonWriter json, string text)
    {
        if (text.Length < 2 || text[0] != '{' || text[^1] != '}') throw new FormatException($"Not an array: {text}");
        json.WriteStartArray();
        var position = 1;
        while (position < text.Length - 1)
        {
            if (text[position] == '"') WriteQuoted(json, text, ref position);
            else WritePlain(json, text, ref position);
            position++; // the comma or the closing brace
        }

        json.WriteEndArray();
    }

    private static void WriteQuoted(Utf8JsonWriter json, string text, ref int position)
    {
        var element = new StringBuilder();
        for (position++; text[position] != '"'; position++)
        {
            if (text[position] == '\\') position++;
            if (position >= text.Length - 1) throw new FormatException($"Not an array: {text}");
            element.Append(text[position]);
        }

        position++;
        json.WriteStringValue(element.ToString());
    }

    private static void WritePlain(Utf8JsonWriter json, string text, ref int position)
    {
        var end = text.IndexOfAny([',', '}'], position);
        var element = text.AsSpan(position, end - position);
        if (element.Equals("NULL", StringComparison.OrdinalIgnoreCase)) json.WriteNullValue();
        else json.WriteStringValue(element);
        position = end;
    }
}

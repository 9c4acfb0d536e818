using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Auctions.Events;

/// <summary>What happened to a row: the letter <c>op</c> of an envelope.</summary>
public enum ChangeOperation
{
    /// <summary><c>c</c></summary>
    Create,

    /// <summary><c>u</c></summary>
    Update,

    /// <summary><c>d</c></summary>
    Delete,

    /// <summary><c>r</c>: a snapshot read the row; nothing happened to it.</summary>
    Read,
}

/// <summary>Where and when a change happened: the block <c>source</c> of an envelope.</summary>
public readonly record struct ChangeSource
{
    /// <summary>The table, without its schema.</summary>
    public required string Table { get; init; }

    /// <summary>The schema of the table.</summary>
    public string Schema { get; init; }

    /// <summary>The database.</summary>
    public string Database { get; init; }

    /// <summary>LSN of the change; 0 if the source gave none. It rises within a partition.</summary>
    public long Lsn { get; init; }

    /// <summary>LSN of the last commit before the change; 0 for none. Only written, never read.</summary>
    public long LastCommitLsn { get; init; }

    /// <summary>The transaction; null if the source gave none.</summary>
    public long? TransactionId { get; init; }

    /// <summary>When the change was committed, in milliseconds since 1970 UTC.</summary>
    public long TimestampMs { get; init; }

    /// <summary>Whether the change comes from a snapshot.</summary>
    public bool IsSnapshot { get; init; }
}

/// <summary>
/// A change of a row, as Debezium's Postgres connector writes it in JSON, with or without schemas. Unknown fields are
/// skipped. The rows stay JSON, as slices of the message: read them with <see cref="RowReader"/>.
/// </summary>
public readonly record struct Change
{
    /// <summary>What happened.</summary>
    public required ChangeOperation Operation { get; init; }

    /// <summary>Where and when it happened.</summary>
    public required ChangeSource Source { get; init; }

    /// <summary>
    /// The row before the change, or only its key; empty if the envelope has none. With replica identity DEFAULT, only
    /// a delete has it.
    /// </summary>
    public ReadOnlyMemory<byte> Before { get; init; }

    /// <summary>The row after the change; empty in a delete, and only there.</summary>
    public ReadOnlyMemory<byte> After { get; init; }

    /// <summary>When the connector saw the change, in milliseconds since 1970 UTC.</summary>
    public long TimestampMs { get; init; }

    /// <summary>Reads the value of a message.</summary>
    /// <param name="message">UTF-8 JSON; the result keeps slices of it.</param>
    /// <exception cref="MalformedEnvelopeException">It is not an envelope; the exception names the field.</exception>
    public static Change Parse(ReadOnlyMemory<byte> message) => EnvelopeReader.Read(message);

    /// <summary>A reader over <see cref="After"/>.</summary>
    public RowReader ReadAfter() => new(After.Span, "after");

    /// <summary>A reader over <see cref="Before"/>.</summary>
    public RowReader ReadBefore() => new(Before.Span, "before");
}

/// <summary>
/// Reads a row's columns one after another, in any order:
/// <code>
/// var row = change.ReadAfter();
/// while (row.Read())
/// {
///     if (row.Is("price"u8)) price = row.Int64();
///     else if (row.Is("leader"u8)) leader = row.Text();
/// }
/// </code>
/// Columns that the caller does not ask for are skipped. A value of another type than the caller asks for is a
/// <see cref="MalformedEnvelopeException"/> that names the column.
/// </summary>
public ref struct RowReader
{
    /// <summary>Stands for a large (TOASTed) value that the change did not touch: Postgres does not send it.</summary>
    public const string UnavailableValue = "__debezium_unavailable_value";

    private readonly string _part;
    private Utf8JsonReader _json;
    private Utf8JsonReader _name;

    /// <summary>A reader before the first column.</summary>
    /// <param name="row">A JSON object; empty for no row, which has no columns.</param>
    /// <param name="part">Where the row stands in the envelope, for errors.</param>
    public RowReader(ReadOnlySpan<byte> row, string part)
    {
        _part = part;
        _json = new Utf8JsonReader(row.IsEmpty ? "{}"u8 : row);
        _json.Read();
        _name = default;
    }

    /// <summary>Whether the column is null.</summary>
    public readonly bool IsNull => _json.TokenType == JsonTokenType.Null;

    /// <summary>Goes on to the next column; false after the last.</summary>
    public bool Read()
    {
        // The value of the last column may be an array that the caller did not read.
        var isUnread = _json.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject;
        if (isUnread && _name.TokenType != JsonTokenType.None) _json.Skip();
        if (!_json.Read() || _json.TokenType != JsonTokenType.PropertyName) return false;
        _name = _json;
        _json.Read();
        return true;
    }

    /// <summary>Whether the column has that name.</summary>
    public readonly bool Is(ReadOnlySpan<byte> name) => _name.ValueTextEquals(name);

    /// <summary>An integer of any width.</summary>
    public readonly long Int64() => _json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out var value)
        ? value
        : throw NotA("a 64-bit integer");

    /// <summary>An integer of any width, or null.</summary>
    public readonly long? Int64OrNull() => IsNull ? null : Int64();

    /// <summary>An integer of at most 32 bits.</summary>
    public readonly int Int32() => _json.TokenType == JsonTokenType.Number && _json.TryGetInt32(out var value)
        ? value
        : throw NotA("a 32-bit integer");

    /// <summary>A boolean.</summary>
    public readonly bool Boolean() => _json.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw NotA("a boolean"),
    };

    /// <summary>A UUID.</summary>
    public readonly Guid Uuid() => _json.TokenType == JsonTokenType.String && _json.TryGetGuid(out var value)
        ? value
        : throw NotA("a UUID");

    /// <summary>A text.</summary>
    public readonly string Text() => TextOrNull() ?? throw NotA("a text");

    /// <summary>A text, or null.</summary>
    public readonly string? TextOrNull() => _json.TokenType switch
    {
        JsonTokenType.String => _json.GetString(),
        JsonTokenType.Null => null,
        _ => throw NotA("a text"),
    };

    /// <summary>A point in time (Postgres' <c>timestamptz</c>).</summary>
    public readonly DateTimeOffset Timestamp()
    {
        const DateTimeStyles utc = DateTimeStyles.AssumeUniversal;
        return _json.TokenType == JsonTokenType.String
            && DateTimeOffset.TryParse(_json.GetString(), CultureInfo.InvariantCulture, utc, out var value)
                ? value
                : throw NotA("a point in time");
    }

    /// <summary>An array of texts and nulls; empty for null.</summary>
    public string?[] TextsOrNulls()
    {
        if (IsNull) return [];
        if (_json.TokenType != JsonTokenType.StartArray) throw NotA("an array of texts");
        var texts = new List<string?>();
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray) texts.Add(TextOrNull());
        return [.. texts];
    }

    private readonly MalformedEnvelopeException NotA(string expected) =>
        new($"{_part}.{Encoding.UTF8.GetString(_name.ValueSpan)}", $"it is not {expected}.");
}

/// <summary>A message is not an envelope as Debezium writes it, or its row is not one of our tables'.</summary>
/// <param name="field">
/// The field that is wrong, such as <c>source.lsn</c> or <c>after.price</c>; <c>$</c> for the whole message.
/// </param>
/// <param name="why">What is wrong with it.</param>
public sealed class MalformedEnvelopeException(string field, string why, Exception? inner = null)
    : FormatException($"The field '{field}' of a change is malformed: {why}", inner)
{
    /// <summary>The field that is wrong.</summary>
    public string Field { get; } = field;
}

using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Auctions.Events;

/// <summary>
/// Reads a row's columns one after another, in whatever order they come:
/// <code>
/// var row = change.ReadAfter();
/// while (row.Read())
/// {
///     if (row.Is("price"u8)) price = row.Int64();
///     else if (row.Is("leader"u8)) leader = row.Text();
/// }
/// </code>
/// Columns that nobody asks for are skipped. A value of another type than asked for is a
/// <see cref="MalformedEnvelopeException"/> that names the column.
/// </summary>
public ref struct RowReader
{
    /// <summary>What stands for a large value that the change did not touch: Postgres does not send it.</summary>
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

    /// <summary>Whether the change left this column alone, and its value is not known here.</summary>
    public readonly bool IsUnavailable => _json.TokenType == JsonTokenType.String && _json.ValueTextEquals(UnavailableValue);

    /// <summary>Goes on to the next column; false past the last.</summary>
    public bool Read()
    {
        // The value of the last column may be an array that nobody read.
        if (_json.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject && _name.TokenType != JsonTokenType.None) _json.Skip();
        if (!_json.Read() || _json.TokenType != JsonTokenType.PropertyName) return false;
        _name = _json;
        _json.Read();
        return true;
    }

    /// <summary>Whether the column has that name.</summary>
    public readonly bool Is(ReadOnlySpan<byte> name) => _name.ValueTextEquals(name);

    /// <summary>An integer of any width.</summary>
    public readonly long Int64() =>
        _json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out var value) ? value : throw Wrong("a 64-bit integer");

    /// <summary>An integer of any width, or null.</summary>
    public readonly long? Int64OrNull() => IsNull ? null : Int64();

    /// <summary>An integer of at most 32 bits.</summary>
    public readonly int Int32() =>
        _json.TokenType == JsonTokenType.Number && _json.TryGetInt32(out var value) ? value : throw Wrong("a 32-bit integer");

    /// <summary>A boolean.</summary>
    public readonly bool Boolean() => _json.TokenType switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw Wrong("a boolean"),
    };

    /// <summary>A boolean, or null.</summary>
    public readonly bool? BooleanOrNull() => IsNull ? null : Boolean();

    /// <summary>A UUID.</summary>
    public readonly Guid Uuid() =>
        _json.TokenType == JsonTokenType.String && _json.TryGetGuid(out var value) ? value : throw Wrong("a UUID");

    /// <summary>A UUID, or null.</summary>
    public readonly Guid? UuidOrNull() => IsNull ? null : Uuid();

    /// <summary>A text.</summary>
    public readonly string Text() => TextOrNull() ?? throw Wrong("a text");

    /// <summary>A text, or null.</summary>
    public readonly string? TextOrNull() => _json.TokenType switch
    {
        JsonTokenType.String => _json.GetString(),
        JsonTokenType.Null => null,
        _ => throw Wrong("a text"),
    };

    /// <summary>Whether the column is a text, and this one. Costs no string.</summary>
    public readonly bool TextEquals(ReadOnlySpan<byte> utf8) => _json.TokenType == JsonTokenType.String && _json.ValueTextEquals(utf8);

    /// <summary>A point in time (Postgres' <c>timestamptz</c>).</summary>
    public readonly DateTimeOffset Timestamp() =>
        _json.TokenType == JsonTokenType.String
        && DateTimeOffset.TryParse(_json.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var value)
            ? value
            : throw Wrong("a point in time");

    /// <summary>An array of texts, none of them null; empty for null.</summary>
    public string[] Texts()
    {
        var texts = TextsOrNulls();
        string[] present = [.. texts.OfType<string>()];
        return present.Length == texts.Length ? present : throw Wrong("an array of texts without nulls");
    }

    /// <summary>An array of texts and nulls; empty for null.</summary>
    public string?[] TextsOrNulls()
    {
        if (IsNull) return [];
        if (_json.TokenType != JsonTokenType.StartArray) throw Wrong("an array of texts");
        var texts = new List<string?>();
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray) texts.Add(TextOrNull());
        return [.. texts];
    }

    private readonly MalformedEnvelopeException Wrong(string expected) =>
        new($"{_part}.{Encoding.UTF8.GetString(_name.ValueSpan)}", $"it is not {expected}.");
}

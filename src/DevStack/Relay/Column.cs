using System.Globalization;
using System.Text.Json;
using Auctions.Events;

namespace DevStack.Relay;

/// <summary>A column: its name, and how its text as Postgres writes it becomes the JSON that Debezium writes.</summary>
/// <remarks>Types without a case of their own stay text, as with Debezium's handling modes set to <c>string</c>.</remarks>
public readonly record struct Column
{
    private readonly JsonEncodedText _name;
    private readonly uint _type;

    /// <summary>A column.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="typeId">The OID of its type.</param>
    public Column(string name, uint typeId)
    {
        Name = name;
        _name = JsonEncodedText.Encode(name);
        _type = typeId;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Writes name and null.</summary>
    public void WriteNull(Utf8JsonWriter json) => json.WriteNull(_name);

    /// <summary>Writes name and what stands for a value that is not known.</summary>
    public void WriteUnavailable(Utf8JsonWriter json)
    {
        json.WritePropertyName(_name);
        var isArray = _type is Oid.TextArray or Oid.VarcharArray;
        if (isArray) json.WriteStartArray();
        json.WriteStringValue(RowReader.UnavailableValue);
        if (isArray) json.WriteEndArray();
    }

    /// <summary>Writes name and value.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="text">As Postgres' output function gives it, with the time zone UTC.</param>
    public void Write(Utf8JsonWriter json, string text)
    {
        switch (_type)
        {
            case Oid.Int8 or Oid.Int4 or Oid.Int2:
                json.WriteNumber(_name, long.Parse(text, CultureInfo.InvariantCulture));
                break;
            case Oid.Bool:
                json.WriteBoolean(_name, text == "t" || text == "true");
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

    // 2026-11-21 22:44:29.123456+00 -> 2026-11-21T22:44:29.123456Z; infinity stays.
    private static string ZonedTimestamp(string text) =>
        text.EndsWith("+00", StringComparison.Ordinal) ? string.Concat(text.AsSpan(0, 10), "T", text.AsSpan(11, text.Length - 14), "Z") : text;

    private static class Oid
    {
        internal const uint Bool = 16, Int8 = 20, Int2 = 21, Int4 = 23, TextArray = 1009, VarcharArray = 1015, TimestampTz = 1184;
    }
}

using System.Text;
using System.Text.Json;

namespace DevStack.Relay;

/// <summary>Postgres' text of a one-dimensional array, <c>{plain,"quo\"ted",NULL}</c>, as a JSON array of strings.</summary>
public static class ArrayLiteral
{
    /// <summary>Writes the array.</summary>
    /// <exception cref="FormatException">It is not such a text.</exception>
    public static void Write(Utf8JsonWriter json, string text)
    {
        if (text.Length < 2 || text[0] != '{' || text[^1] != '}') throw new FormatException($"Not an array: {text}");
        json.WriteStartArray();
        var at = 1;
        while (at < text.Length - 1)
        {
            if (text[at] == '"') WriteQuoted(json, text, ref at);
            else WritePlain(json, text, ref at);
            // The comma, or the closing brace.
            at++;
        }

        json.WriteEndArray();
    }

    private static void WriteQuoted(Utf8JsonWriter json, string text, ref int at)
    {
        var element = new StringBuilder();
        for (at++; text[at] != '"'; at++)
        {
            if (text[at] == '\\') at++;
            if (at >= text.Length - 1) throw new FormatException($"Not an array: {text}");
            element.Append(text[at]);
        }

        at++;
        json.WriteStringValue(element.ToString());
    }

    private static void WritePlain(Utf8JsonWriter json, string text, ref int at)
    {
        var end = text.IndexOfAny([',', '}'], at);
        var element = text.AsSpan(at, end - at);
        if (element.Equals("NULL", StringComparison.OrdinalIgnoreCase)) json.WriteNullValue();
        else json.WriteStringValue(element);
        at = end;
    }
}

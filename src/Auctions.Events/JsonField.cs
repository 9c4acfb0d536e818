using System.Text.Json;

namespace Auctions.Events;

/// <summary>Values after a property's name, with errors that name the field.</summary>
internal static class JsonField
{
    internal static long? Int64OrNull(ref Utf8JsonReader json, string field)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return null;
        if (json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var value)) return value;
        throw new MalformedEnvelopeException(field, "it is not a 64-bit integer.");
    }

    /// <summary>A name that occurs in every message: those of our tables cost no string.</summary>
    internal static string? Name(ref Utf8JsonReader json, string field)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return null;
        if (json.TokenType != JsonTokenType.String) throw new MalformedEnvelopeException(field, "it is not a string.");
        if (json.ValueTextEquals("auctions"u8)) return "auctions";
        if (json.ValueTextEquals("ledger"u8)) return "ledger";
        if (json.ValueTextEquals("public"u8)) return "public";
        return json.GetString();
    }
}

using System.Buffers.Text;
using System.Text.Json;

namespace Auctions.Events;

/// <summary>The key of the feed's messages: an auction's id, as a bare string (docs/adr/0004-one-topic-key.md).</summary>
public static class EventKey
{
    /// <summary>The length of a key in bytes.</summary>
    public const int Length = 36;

    /// <summary>The key of an auction's messages.</summary>
    public static byte[] Of(Guid auctionId)
    {
        var key = new byte[Length];
        Utf8Formatter.TryFormat(auctionId, key, out _);
        return key;
    }

    /// <summary>
    /// Reads a key. A connector without the transformation that unwraps keys sends <c>"id"</c>, <c>{"id": "..."}</c>,
    /// <c>{"auction_id": "..."}</c>, and with schemas the same under <c>payload</c>: all of them are understood.
    /// </summary>
    /// <exception cref="MalformedEnvelopeException">There is no auction's id in it.</exception>
    public static Guid Parse(ReadOnlySpan<byte> key)
    {
        if (key.Length == Length && Utf8Parser.TryParse(key, out Guid id, out var read) && read == Length) return id;
        try
        {
            return ParseJson(key);
        }
        catch (JsonException e)
        {
            throw new MalformedEnvelopeException("key", "it is neither a UUID nor JSON.", e);
        }
    }

    private static Guid ParseJson(ReadOnlySpan<byte> key)
    {
        var json = new Utf8JsonReader(key);
        while (json.Read())
        {
            switch (json.TokenType)
            {
                case JsonTokenType.String when json.TryGetGuid(out var id):
                    return id;
                case JsonTokenType.PropertyName when json.ValueTextEquals("schema"u8):
                    json.Skip();
                    break;
                case JsonTokenType.StartObject or JsonTokenType.PropertyName or JsonTokenType.EndObject:
                    break;
                default:
                    throw new MalformedEnvelopeException("key", "it is not the id of an auction.");
            }
        }

        throw new MalformedEnvelopeException("key", "it holds no id.");
    }
}

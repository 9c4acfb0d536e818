using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Auctions.Hosting;
using Grpc.Core;

namespace Auctions.Grpc;

/// <summary>
/// Where the next page begins, opaque to clients: base64url of a version, what the list is of, and the last row's sort key. A
/// token says nothing that the page before it did not, so it is not signed; one of another list, or a mangled one, is refused.
/// </summary>
public static class PageToken
{
    private const string Format = "1";
    private const char Delimiter = '|';

    /// <param name="list">The method and all that selects the list's rows, so that a token cannot continue another list.</param>
    /// <param name="key">The last row's sort key.</param>
    public static string Write(string list, params ReadOnlySpan<long> key)
    {
        var text = new StringBuilder(Format).Append(Delimiter).Append(Digest(list));
        foreach (var part in key) text.Append(Delimiter).Append(part.ToString(CultureInfo.InvariantCulture));
        return Base64Url.EncodeToString(Encoding.ASCII.GetBytes(text.ToString()));
    }

    /// <summary>The sort key after which the page begins; null for the first page.</summary>
    /// <param name="parts">How many parts a key of this list has.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT where the token was not written for this list.</exception>
    public static long[]? Read(string token, string field, string list, int parts)
    {
        if (token.Length == 0) return null;
        return TryRead(token, list, parts)
            ?? throw RpcErrors.InvalidArgument(field, token, "must be a next_page_token of this list, unchanged");
    }

    private static long[]? TryRead(string token, string list, int parts)
    {
        var bytes = new byte[Base64Url.GetMaxDecodedLength(token.Length)];
        if (token.Length > 256 || !Base64Url.IsValid(token) || !Base64Url.TryDecodeFromChars(token, bytes, out var count)) return null;
        var texts = Encoding.ASCII.GetString(bytes, 0, count).Split(Delimiter);
        if (texts.Length != parts + 2 || texts[0] != Format || texts[1] != Digest(list)) return null;
        var key = new long[parts];
        for (var i = 0; i < parts; i++)
        {
            if (!long.TryParse(texts[i + 2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out key[i])) return null;
        }

        return key;
    }

    private static string Digest(string list) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(list)).AsSpan(0, 6));
}

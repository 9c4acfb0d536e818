using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Grpc.Core;

namespace Auctions.Grpc;

/// <summary>Checks of fields that many requests have.</summary>
public static class Fields
{
    /// <summary>An id or key of a request.</summary>
    /// <exception cref="RpcException">
    /// INVALID_ARGUMENT if it is not a UUID in its canonical form, or if it is the nil UUID.
    /// </exception>
    public static Guid Uuid(string value, string field)
    {
        var violations = new Violations();
        var uuid = Uuid(value, field, violations);
        violations.ThrowIfAny();
        return uuid;
    }

    /// <summary>The same, as one of several checks.</summary>
    public static Guid Uuid(string value, string field, Violations violations)
    {
        var uuid = Guid.Empty;
        violations.Check(
            IsCanonical(value) && Guid.TryParseExact(value, "D", out uuid) && uuid != Guid.Empty, field, value,
            "must be a UUID such as 0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55, and not the nil UUID");
        return uuid;
    }

    /// <summary>36 characters: 8-4-4-4-12 hex digits. The parser of Guid also takes blanks around them.</summary>
    private static bool IsCanonical(string value)
    {
        if (value.Length != 36) return false;
        for (var i = 0; i < value.Length; i++)
        {
            if (i is 8 or 13 or 18 or 23 ? value[i] != '-' : !char.IsAsciiHexDigit(value[i])) return false;
        }

        return true;
    }

    /// <summary>The rows of a page: the default if the field is 0, and never more than the maximum.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT if it is negative.</exception>
    public static int PageSize(int value, string field, int byDefault, int max)
    {
        if (value < 0) throw RpcErrors.InvalidArgument(field, value, $"must be 0 (which means {byDefault}) to {max}");
        return value == 0 ? byDefault : Math.Min(value, max);
    }
}

/// <summary>
/// The start of the next page, opaque to clients: base64url of a format version, a digest of the list, and the last
/// row's sort key. A token reveals only what the page before it has shown, so it is not signed; a token of another
/// list or a damaged one is refused.
/// </summary>
public static class PageToken
{
    private const string Format = "1";
    private const char Delimiter = '|';

    /// <param name="list">
    /// The method and everything that selects the list's rows, so that a token cannot continue another list.
    /// </param>
    /// <param name="key">The last row's sort key.</param>
    public static string Write(string list, params ReadOnlySpan<long> key)
    {
        var text = new StringBuilder(Format).Append(Delimiter).Append(Digest(list));
        foreach (var part in key) text.Append(Delimiter).Append(part.ToString(CultureInfo.InvariantCulture));
        return Base64Url.EncodeToString(Encoding.ASCII.GetBytes(text.ToString()));
    }

    /// <summary>The page begins after the row with this sort key; null for the first page.</summary>
    /// <param name="parts">How many parts a key of this list has.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT if the token was not written for this list.</exception>
    public static long[]? Read(string token, string field, string list, int parts)
    {
        if (token.Length == 0) return null;
        return TryRead(token, list, parts)
            ?? throw RpcErrors.InvalidArgument(field, token, "must be a next_page_token of this list, unchanged");
    }

    private static long[]? TryRead(string token, string list, int parts)
    {
        if (token.Length > 256 || !Base64Url.IsValid(token)) return null;
        var fields = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(token)).Split(Delimiter);
        if (fields.Length != parts + 2 || fields[0] != Format || fields[1] != Digest(list)) return null;
        var key = new long[parts];
        for (var i = 0; i < parts; i++)
        {
            if (!TryParse(fields[i + 2], out key[i])) return null;
        }

        return key;
    }

    private static bool TryParse(string text, out long number) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private static string Digest(string list) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(list)).AsSpan(0, 6));
}

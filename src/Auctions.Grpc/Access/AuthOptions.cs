using Auctions.Hosting;

namespace Auctions.Grpc;

/// <summary>Whose tokens are believed.</summary>
public sealed class AuthOptions : ISectionOptions
{
    /// <summary>HMAC-SHA-256 asks for a key of at least the digest's length (RFC 7518, 3.2).</summary>
    public const int MinKeyBytes = 32;

    public static string Section => "Auth";

    /// <summary>Base64 of the shared key of HS256, at least 32 bytes; or empty, with <see cref="JwksUrl"/>.</summary>
    public string Hs256Key { get; set; } = "";

    /// <summary>Where the issuer publishes its public keys (RFC 7517); or empty, with <see cref="Hs256Key"/>.</summary>
    public string JwksUrl { get; set; } = "";

    /// <summary>The token's <c>iss</c> must be this.</summary>
    public string Issuer { get; set; } = "auctions";

    /// <summary>The token's <c>aud</c> must hold this.</summary>
    public string Audience { get; set; } = "auctions";

    /// <summary>Whether reads that show nothing private are answered without a token.</summary>
    public bool OpenReads { get; set; } = true;

    /// <summary>Seconds by which the issuer's clock may differ from ours.</summary>
    public int ClockSkewSeconds { get; set; } = 30;

    public IEnumerable<string> Failures()
    {
        if (Hs256Key.Length > 0 == JwksUrl.Length > 0)
            yield return "One of Auth:Hs256Key and Auth:JwksUrl must be set, and not both.";
        if (Hs256Key.Length > 0 && (Key() is not { } key || key.Length < MinKeyBytes))
            yield return $"Auth:Hs256Key must be base64 of at least {MinKeyBytes} bytes.";
        if (JwksUrl.Length > 0 && !IsTrustworthy(JwksUrl))
            yield return $"Auth:JwksUrl must be an https URL (http on the loopback alone), and is '{JwksUrl}'.";
        if (Issuer.Length == 0) yield return "Auth:Issuer must not be empty.";
        if (Audience.Length == 0) yield return "Auth:Audience must not be empty.";
        if (ClockSkewSeconds is < 0 or > 300) yield return $"Auth:ClockSkewSeconds must be 0 to 300, and is {ClockSkewSeconds}.";
    }

    /// <summary>The shared key's bytes; null where it is not base64.</summary>
    public byte[]? Key()
    {
        var bytes = new byte[Hs256Key.Length];
        return Convert.TryFromBase64String(Hs256Key, bytes, out var count) ? bytes[..count] : null;
    }

    private static bool IsTrustworthy(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}

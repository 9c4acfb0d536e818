using Auctions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Tokens;

namespace Auctions.Grpc;

/// <summary>The configuration section <c>Auth</c>: which tokens are valid.</summary>
public sealed class AuthOptions : ISectionOptions
{
    /// <summary>HMAC-SHA-256 needs a key that is at least as long as the digest (RFC 7518, 3.2).</summary>
    public const int MinKeyBytes = 32;

    public static string Section => "Auth";

    /// <summary>Base64 of the shared key of HS256, at least 32 bytes; empty if <see cref="JwksUrl"/> is set.</summary>
    public string Hs256Key { get; set; } = "";

    /// <summary>
    /// Where the issuer publishes its public keys (RFC 7517); empty if <see cref="Hs256Key"/> is set.
    /// </summary>
    public string JwksUrl { get; set; } = "";

    /// <summary>The required value of a token's <c>iss</c>.</summary>
    public string Issuer { get; set; } = "auctions";

    /// <summary>A token's <c>aud</c> must contain this.</summary>
    public string Audience { get; set; } = "auctions";

    /// <summary>Whether reads that show nothing private are answered without a token.</summary>
    public bool OpenReads { get; set; } = true;

    /// <summary>Seconds by which the issuer's clock may differ from ours.</summary>
    public int ClockSkewSeconds { get; set; } = 30;

    public IEnumerable<string> Failures()
    {
        if (Hs256Key.Length > 0 == JwksUrl.Length > 0)
            yield return "Exactly one of Auth:Hs256Key and Auth:JwksUrl must be set.";
        if (Hs256Key.Length > 0 && (Key() is not { } key || key.Length < MinKeyBytes))
            yield return $"Auth:Hs256Key must be base64 of at least {MinKeyBytes} bytes.";
        if (JwksUrl.Length > 0 && !IsTrustworthy(JwksUrl))
            yield return $"Auth:JwksUrl must be an https URL (http is allowed on loopback), and is '{JwksUrl}'.";
        if (Issuer.Length == 0) yield return "Auth:Issuer must not be empty.";
        if (Audience.Length == 0) yield return "Auth:Audience must not be empty.";
        if (ClockSkewSeconds is < 0 or > 300)
            yield return $"Auth:ClockSkewSeconds must be 0 to 300, and is {ClockSkewSeconds}.";
    }

    /// <summary>The bytes of the shared key; null if it is not base64.</summary>
    public byte[]? Key()
    {
        var bytes = new byte[Hs256Key.Length];
        return Convert.TryFromBase64String(Hs256Key, bytes, out var count) ? bytes[..count] : null;
    }

    private static bool IsTrustworthy(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback));
}

/// <summary>
/// The keys and algorithms that may sign tokens: the shared key of the configuration, or the keys that the issuer
/// publishes. It is never both, so nobody can use a public key as a shared one.
/// </summary>
public sealed class SigningKeys
{
    private static readonly string[] Symmetric = [SecurityAlgorithms.HmacSha256];

    private static readonly string[] Asymmetric =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private readonly SecurityKey[]? _shared;
    private readonly ConfigurationManager<JsonWebKeySet>? _published;

    public SigningKeys(IOptions<AuthOptions> options)
    {
        if (options.Value.JwksUrl.Length == 0)
        {
            _shared = [new SymmetricSecurityKey(options.Value.Key())];
            Algorithms = Symmetric;
            return;
        }

        var url = new Uri(options.Value.JwksUrl);
        _published = new ConfigurationManager<JsonWebKeySet>(url.ToString(), new JwksRetriever(),
            new HttpDocumentRetriever { RequireHttps = url.Scheme == Uri.UriSchemeHttps });
        Algorithms = Asymmetric;
    }

    public IReadOnlyList<string> Algorithms { get; }

    /// <exception cref="InvalidOperationException">The issuer's keys could not be read.</exception>
    public async ValueTask<IReadOnlyCollection<SecurityKey>> ReadAsync(CancellationToken cancellationToken)
    {
        if (_shared is not null) return _shared;
        var published = await _published!.GetConfigurationAsync(cancellationToken);
        return [.. published.GetSigningKeys()];
    }

    /// <summary>
    /// Reads the issuer's keys again, because a token names a key that is not among them. The library does this at most
    /// once in a few minutes.
    /// </summary>
    /// <returns>Whether the keys come from an issuer.</returns>
    public bool RequestRefresh()
    {
        _published?.RequestRefresh();
        return _published is not null;
    }

    private sealed class JwksRetriever : IConfigurationRetriever<JsonWebKeySet>
    {
        public async Task<JsonWebKeySet> GetConfigurationAsync(
            string address, IDocumentRetriever retriever, CancellationToken cancellationToken) =>
            new(await retriever.GetDocumentAsync(address, cancellationToken));
    }
}

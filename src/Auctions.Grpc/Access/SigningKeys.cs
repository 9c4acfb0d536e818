using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Tokens;

namespace Auctions.Grpc;

/// <summary>
/// The keys that tokens may be signed with, and with which algorithms: the shared key of the configuration, or what the issuer
/// publishes. Never both, so that no public key can be taken for a shared one.
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
    public async ValueTask<IReadOnlyCollection<SecurityKey>> ReadAsync(CancellationToken cancellationToken) =>
        _shared ?? (IReadOnlyCollection<SecurityKey>)(await _published!.GetConfigurationAsync(cancellationToken)).GetSigningKeys().ToArray();

    /// <summary>A token named a key that we do not have: the issuer may have new ones. Asked for at most every few minutes.</summary>
    /// <returns>Whether there is a place to ask.</returns>
    public bool RequestRefresh()
    {
        _published?.RequestRefresh();
        return _published is not null;
    }

    private sealed class JwksRetriever : IConfigurationRetriever<JsonWebKeySet>
    {
        public async Task<JsonWebKeySet> GetConfigurationAsync(string address, IDocumentRetriever retriever, CancellationToken cancellationToken) =>
            new(await retriever.GetDocumentAsync(address, cancellationToken));
    }
}

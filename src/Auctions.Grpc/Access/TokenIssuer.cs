using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Auctions.Grpc;

/// <summary>Mints HS256 tokens: the operator's tool and the tests stand in for an identity provider with it.</summary>
/// <param name="key">At least <see cref="AuthOptions.MinKeyBytes"/> bytes.</param>
public sealed class TokenIssuer(byte[] key, TimeProvider timeProvider, string issuer = "auctions", string audience = "auctions")
{
    private readonly SigningCredentials _credentials = new(new SymmetricSecurityKey(key), SecurityAlgorithms.HmacSha256);
    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>A token for a subject with these roles, valid from now on.</summary>
    /// <param name="lifetime">Negative: one that has expired already.</param>
    public string Mint(string subject, Roles roles, TimeSpan lifetime, params string[] exemptions)
    {
        var now = timeProvider.GetUtcNow();
        var claims = new Dictionary<string, object> { [Claims.Subject] = subject };
        var words = Claims.Words(roles);
        if (words.Length > 0) claims[Claims.Role] = words;
        if (exemptions.Length > 0) claims[Claims.Exempt] = exemptions;
        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            IssuedAt = now.UtcDateTime,
            Expires = (now + lifetime).UtcDateTime,
            Claims = claims,
            SigningCredentials = _credentials,
        });
    }
}

/// <summary>The claims that are read.</summary>
internal static class Claims
{
    public const string Subject = "sub";
    public const string Role = "role";
    public const string Exempt = "exempt";

    private static readonly (string Word, Roles Role)[] Known =
        [("bidder", Roles.Bidder), ("seller", Roles.Seller), ("viewer", Roles.Viewer), ("service", Roles.Service)];

    public static string[] Words(Roles roles) => [.. Known.Where(k => roles.HasFlag(k.Role)).Select(k => k.Word)];

    public static Roles RolesOf(IEnumerable<string> words) =>
        words.Aggregate(Roles.None, (sum, word) => sum | Known.FirstOrDefault(k => k.Word == word).Role);
}

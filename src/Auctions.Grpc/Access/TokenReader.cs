using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Auctions.Grpc;

/// <summary>Why a token is not accepted.</summary>
public enum TokenFault
{
    None,
    /// <summary>Wrong signature, algorithm, issuer, audience or subject, or not a token at all.</summary>
    Invalid,
    Expired,
    /// <summary>The issuer's keys could not be read, so the token cannot be verified.</summary>
    KeysUnavailable,
}

/// <summary>Verifies bearer tokens.</summary>
/// <remarks>
/// A client sends the same token with every call, and verifying a token costs as much as the rest of the call. So valid
/// tokens are cached for a minute. A key that the issuer has withdrawn is accepted for that long; the expiry is checked
/// for each call.
/// </remarks>
public sealed class TokenReader(IOptions<AuthOptions> options, SigningKeys keys, TimeProvider timeProvider)
{
    private const int CachedMax = 50_000;
    private static readonly TimeSpan CachedFor = TimeSpan.FromMinutes(1);

    private readonly JsonWebTokenHandler _handler = new();
    private readonly ConcurrentDictionary<string, CachedToken> _cache = new(StringComparer.Ordinal);
    private readonly TimeSpan _skew = TimeSpan.FromSeconds(options.Value.ClockSkewSeconds);

    public ValueTask<(Caller Caller, TokenFault Fault)> ReadAsync(
        ReadOnlySpan<char> token, CancellationToken cancellationToken)
    {
        var now = timeProvider.GetUtcNow();
        if (!_cache.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token, out var cached) || now >= cached.Until)
            return VerifyAsync(token.ToString(), now, cancellationToken);
        return ValueTask.FromResult(now < cached.Expires + _skew
            ? (cached.Caller, TokenFault.None)
            : (Caller.Anonymous, TokenFault.Expired));
    }

    private async ValueTask<(Caller, TokenFault)> VerifyAsync(
        string token, DateTimeOffset now, CancellationToken cancellationToken)
    {
        TokenValidationResult result;
        try
        {
            result = await ValidateAsync(token, cancellationToken);
            if (result.Exception is SecurityTokenSignatureKeyNotFoundException && keys.RequestRefresh())
                result = await ValidateAsync(token, cancellationToken);
        }
        catch (InvalidOperationException)
        {
            return (Caller.Anonymous, TokenFault.KeysUnavailable);
        }

        if (!result.IsValid || result.SecurityToken is not JsonWebToken jwt || !Caller.IsSubject(jwt.Subject ?? "")
            || !jwt.TryGetPayloadValue<long>("exp", out _))
            return (Caller.Anonymous, TokenFault.Invalid);
        var expires = new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero);
        if (now >= expires + _skew) return (Caller.Anonymous, TokenFault.Expired);
        if (jwt.ValidFrom != DateTime.MinValue && now + _skew < new DateTimeOffset(jwt.ValidFrom, TimeSpan.Zero))
            return (Caller.Anonymous, TokenFault.Invalid);

        var caller = new Caller(
            jwt.Subject!, Claims.ParseRoles(Values(jwt, Claims.Role)), Values(jwt, Claims.Exempt).ToHashSet());
        Cache(token, new CachedToken(caller, expires, now + CachedFor));
        return (caller, TokenFault.None);
    }

    /// <summary>
    /// Checks everything except the times. <see cref="VerifyAsync"/> checks those, with this service's clock and an
    /// answer of their own.
    /// </summary>
    private async Task<TokenValidationResult> ValidateAsync(string token, CancellationToken cancellationToken) =>
        await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = options.Value.Issuer,
            ValidAudience = options.Value.Audience,
            ValidAlgorithms = keys.Algorithms,
            IssuerSigningKeys = await keys.ReadAsync(cancellationToken),
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ValidateLifetime = false,
        });

    private static IEnumerable<string> Values(JsonWebToken jwt, string claim) =>
        jwt.Claims.Where(c => c.Type == claim).Select(c => c.Value);

    private void Cache(string token, CachedToken cached)
    {
        // Clearing everything is cheap and rare: it takes 50,000 different tokens.
        if (_cache.Count >= CachedMax) _cache.Clear();
        _cache[token] = cached;
    }

    private sealed record CachedToken(Caller Caller, DateTimeOffset Expires, DateTimeOffset Until);
}

/// <summary>
/// Mints HS256 tokens. The operator's tool and the tests use it in the place of an identity provider.
/// </summary>
/// <param name="key">At least <see cref="AuthOptions.MinKeyBytes"/> bytes.</param>
public sealed class TokenIssuer(
    byte[] key, TimeProvider timeProvider, string issuer = "auctions", string audience = "auctions")
{
    private readonly SigningCredentials _credentials =
        new(new SymmetricSecurityKey(key), SecurityAlgorithms.HmacSha256);

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };

    /// <summary>A token for a subject with these roles, valid from now on.</summary>
    /// <param name="lifetime">Negative: the token has expired already.</param>
    public string Mint(string subject, Roles roles, TimeSpan lifetime, params string[] exemptions)
    {
        var now = timeProvider.GetUtcNow();
        var claims = new Dictionary<string, object> { [Claims.Subject] = subject };
        var names = Claims.Names(roles);
        if (names.Length > 0) claims[Claims.Role] = names;
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

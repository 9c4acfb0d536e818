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

    /// <summary>Characters. Longer tokens would use up the headers of a call and the cache.</summary>
    private const int TokenLengthMax = 8 * 1024;

    /// <summary>The year 9999, less what the allowed skew may add.</summary>
    private const long SecondsMax = 253_402_000_000;

    private static readonly TimeSpan CachedFor = TimeSpan.FromMinutes(1);

    private readonly JsonWebTokenHandler _handler = new();
    private readonly ConcurrentDictionary<string, CachedToken> _cache = new(StringComparer.Ordinal);
    private readonly TimeSpan _skew = TimeSpan.FromSeconds(options.Value.ClockSkewSeconds);

    /// <summary>Reads a token that was checked in the last minute.</summary>
    /// <returns>Whether it was.</returns>
    public bool TryReadChecked(ReadOnlySpan<char> token, out Caller caller, out TokenFault fault)
    {
        var now = timeProvider.GetUtcNow();
        (caller, fault) = (Caller.Anonymous, TokenFault.None);
        if (!_cache.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token, out var cached) || now >= cached.Until)
            return false;
        if (IsOver(cached.Caller.Expires, now)) fault = TokenFault.Expired;
        else caller = cached.Caller;
        return true;
    }

    /// <summary>Checks a token: its signature, its claims and its times.</summary>
    public async ValueTask<(Caller Caller, TokenFault Fault)> CheckAsync(
        string token, CancellationToken cancellationToken)
    {
        if (token.Length > TokenLengthMax) return (Caller.Anonymous, TokenFault.Invalid);
        TokenValidationResult result;
        try
        {
            result = await ValidateAsync(token, await keys.ReadAsync(cancellationToken));
            if (result.Exception is SecurityTokenSignatureKeyNotFoundException && keys.RequestRefresh())
                result = await ValidateAsync(token, await keys.ReadAsync(cancellationToken));
        }
        catch (InvalidOperationException)
        {
            return (Caller.Anonymous, TokenFault.KeysUnavailable);
        }

        if (!result.IsValid || result.SecurityToken is not JsonWebToken jwt)
            return (Caller.Anonymous, TokenFault.Invalid);
        try
        {
            return Accept(token, jwt);
        }
        catch (Exception)
        {
            // The library throws various exceptions for a claim that is not of its usual kind.
            return (Caller.Anonymous, TokenFault.Invalid);
        }
    }

    private (Caller, TokenFault) Accept(string token, JsonWebToken jwt)
    {
        // We understand no extension, so a token that demands one is not for us (RFC 7515, 4.1.11).
        if (!Caller.IsSubject(jwt.Subject ?? "") || jwt.TryGetHeaderValue<object>("crit", out _)
            || Time(jwt, "exp") is not { } expires)
            return (Caller.Anonymous, TokenFault.Invalid);
        var now = timeProvider.GetUtcNow();
        if (IsOver(expires, now)) return (Caller.Anonymous, TokenFault.Expired);
        if (jwt.TryGetPayloadValue<object>("nbf", out _)
            && (Time(jwt, "nbf") is not { } begins || now < begins - _skew))
            return (Caller.Anonymous, TokenFault.Invalid);

        var caller = new Caller(
            jwt.Subject!, Claims.ParseRoles(Values(jwt, Claims.Role)), Values(jwt, Claims.Exempt).ToHashSet())
        {
            Expires = expires,
        };
        Cache(token, new CachedToken(caller, now + CachedFor));
        return (caller, TokenFault.None);
    }

    private bool IsOver(DateTimeOffset expires, DateTimeOffset now) => now - expires >= _skew;

    /// <summary>A time claim; null if it is not a number of seconds from 1970 to 9999.</summary>
    private static DateTimeOffset? Time(JsonWebToken jwt, string claim) =>
        jwt.TryGetPayloadValue<long>(claim, out var seconds) && seconds is > 0 and < SecondsMax
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;

    /// <summary>
    /// Checks everything except the times. <see cref="Accept"/> checks those, with this service's clock and an
    /// answer of their own.
    /// </summary>
    private async Task<TokenValidationResult> ValidateAsync(string token, IReadOnlyCollection<SecurityKey> signingKeys)
    {
        var parameters = new TokenValidationParameters
        {
            ValidIssuer = options.Value.Issuer,
            ValidAudience = options.Value.Audience,
            ValidAlgorithms = keys.Algorithms,
            IssuerSigningKeys = signingKeys,
            RequireSignedTokens = true,
            RequireExpirationTime = true,
            ValidateLifetime = false,
        };
        try
        {
            return await _handler.ValidateTokenAsync(token, parameters);
        }
        catch (Exception fault)
        {
            // The library reports most faults of a token in its result, but not those of odd claims.
            return new TokenValidationResult { IsValid = false, Exception = fault };
        }
    }

    private static IEnumerable<string> Values(JsonWebToken jwt, string claim) =>
        jwt.Claims.Where(c => c.Type == claim).Select(c => c.Value);

    private void Cache(string token, CachedToken cached)
    {
        // Clearing everything is cheap and rare: it takes 50,000 different tokens.
        if (_cache.Count >= CachedMax) _cache.Clear();
        _cache[token] = cached;
    }

    private sealed record CachedToken(Caller Caller, DateTimeOffset Until);
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

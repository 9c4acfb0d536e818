using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Auctions.Grpc;

/// <summary>What is wrong with a token.</summary>
public enum TokenFault
{
    None,
    /// <summary>Not a token of ours: signature, algorithm, issuer, audience, subject, or not a token at all.</summary>
    Invalid,
    Expired,
    /// <summary>The issuer's keys could not be read, so nothing can be said of it.</summary>
    KeysUnavailable,
}

/// <summary>Makes a caller of a bearer token.</summary>
/// <remarks>
/// A client sends the same token with every call, and verifying one costs as much as the rest of the call. So good ones are
/// remembered for a minute: that long a key that the issuer has withdrawn is still believed. The expiry is looked at each time.
/// </remarks>
public sealed class TokenReader(IOptions<AuthOptions> options, SigningKeys keys, TimeProvider timeProvider)
{
    private const int MaxRemembered = 50_000;
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(1);

    private readonly JsonWebTokenHandler _handler = new();
    private readonly ConcurrentDictionary<string, Remembered> _remembered = new(StringComparer.Ordinal);
    private readonly TimeSpan _skew = TimeSpan.FromSeconds(options.Value.ClockSkewSeconds);

    public ValueTask<(Caller Caller, TokenFault Fault)> ReadAsync(ReadOnlySpan<char> token, CancellationToken cancellationToken)
    {
        var now = timeProvider.GetUtcNow();
        if (_remembered.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token, out var known) && now < known.Until)
            return ValueTask.FromResult(now < known.Expires + _skew ? (known.Caller, TokenFault.None) : (Caller.Anonymous, TokenFault.Expired));
        return VerifyAsync(token.ToString(), now, cancellationToken);
    }

    private async ValueTask<(Caller, TokenFault)> VerifyAsync(string token, DateTimeOffset now, CancellationToken cancellationToken)
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

        var caller = new Caller(jwt.Subject!, Claims.RolesOf(Values(jwt, Claims.Role)), Values(jwt, Claims.Exempt).ToHashSet());
        Remember(token, new Remembered(caller, expires, now + RememberedFor));
        return (caller, TokenFault.None);
    }

    /// <summary>All but the times, which are ours to look at: by our clock, and with an answer of their own.</summary>
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

    private void Remember(string token, Remembered remembered)
    {
        // Forgetting all at once is cheap, and rare: so many different tokens in a minute.
        if (_remembered.Count >= MaxRemembered) _remembered.Clear();
        _remembered[token] = remembered;
    }

    private sealed record Remembered(Caller Caller, DateTimeOffset Expires, DateTimeOffset Until);
}

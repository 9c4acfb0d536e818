using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>
/// Who may call a method. A method without one of these attributes needs a token, whatever its roles.
/// </summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class)]
public abstract class AccessAttribute : Attribute;

/// <summary>The method needs a token with one of these roles.</summary>
public sealed class RequiresRoleAttribute(Roles any) : AccessAttribute
{
    public Roles Any => any;
}

/// <summary>
/// The method needs no token while <c>Auth:OpenReads</c> is set. If the call has a token, it must be valid.
/// </summary>
public sealed class OpenReadAttribute : AccessAttribute;

/// <summary>The method needs no token and ignores one: health and reflection.</summary>
public sealed class PublicAttribute : AccessAttribute;

/// <summary>Identifies the caller and checks that it may call the method.</summary>
/// <remarks>
/// It replaces ASP.NET Core's authentication middleware, which answers HTTP 401: a gRPC client turns this into
/// UNAUTHENTICATED without a reason. A refusal is a value: a caller may cause many of them.
/// </remarks>
public sealed class AccessControl(TokenReader tokens, CallLimits limits, IOptions<AuthOptions> options)
{
    private const string Scheme = "Bearer ";

    /// <returns>
    /// The caller, or the error: UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE if the issuer's keys cannot be read,
    /// or RESOURCE_EXHAUSTED if the connection presents too many unknown tokens.
    /// </returns>
    internal async ValueTask<(Caller Caller, RpcException? Error)> IdentifyAsync(
        HttpContext http, ClientConnection connection)
    {
        var access = http.GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>();
        if (access is PublicAttribute) return (Caller.Anonymous, null);

        var header = http.Request.Headers.Authorization;
        if (header.Count == 0)
        {
            return (Caller.Anonymous, access is OpenReadAttribute && options.Value.OpenReads ? null : Missing);
        }

        // An empty header is an invalid token, and so are two headers, which are joined by a comma.
        var bearer = header.ToString();
        if (!bearer.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return (Caller.Anonymous, Error(TokenFault.Invalid));
        var token = bearer.AsMemory(Scheme.Length).Trim();
        if (!tokens.TryReadChecked(token.Span, out var caller, out var fault))
        {
            if (limits.CheckToken(connection) is { } tooMany) return (Caller.Anonymous, tooMany);
            (caller, fault) = await tokens.CheckAsync(token.ToString(), http.RequestAborted);
        }

        if (fault != TokenFault.None) return (Caller.Anonymous, Error(fault));
        return (caller, access is RequiresRoleAttribute role && !caller.Has(role.Any)
            ? RpcErrors.PermissionDenied("ROLE_MISSING",
                $"{http.Request.Path.Value} needs the role {string.Join(" or ", Claims.Names(role.Any))}.")
            : null);
    }

    /// <summary>Whether anyone may call the method: health or reflection.</summary>
    internal static bool IsPublic(HttpContext http) =>
        http.GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>() is PublicAttribute;

    /// <summary>A stream's token has expired.</summary>
    internal static RpcException Expired() => Error(TokenFault.Expired);

    private static RpcException Missing => RpcErrors.Unauthenticated(
        "TOKEN_MISSING", "The call needs the metadata 'authorization: Bearer <token>'.");

    private static RpcException Error(TokenFault fault) => fault switch
    {
        TokenFault.Expired => RpcErrors.Unauthenticated("TOKEN_EXPIRED", "The token has expired."),
        TokenFault.KeysUnavailable => RpcErrors.Unavailable("KEYS_UNAVAILABLE",
            "The issuer's keys cannot be read, so no token can be verified.", TimeSpan.FromSeconds(5)),
        _ => RpcErrors.Unauthenticated("TOKEN_INVALID", "This service does not accept the token."),
    };
}

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
/// UNAUTHENTICATED without a reason.
/// </remarks>
public sealed class AccessControl(TokenReader tokens, IOptions<AuthOptions> options)
{
    private const string Scheme = "Bearer ";

    /// <exception cref="RpcException">
    /// UNAUTHENTICATED or PERMISSION_DENIED; UNAVAILABLE if the issuer's keys cannot be read.
    /// </exception>
    public async ValueTask AdmitAsync(ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var access = http.GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>();
        if (access is PublicAttribute) return;

        // Read from the HTTP request: ServerCallContext.RequestHeaders would copy all headers.
        var header = http.Request.Headers.Authorization;
        if (header.Count == 0)
        {
            if (access is OpenReadAttribute && options.Value.OpenReads) return;
            throw RpcErrors.Unauthenticated(
                "TOKEN_MISSING", "The call needs the metadata 'authorization: Bearer <token>'.");
        }

        // An empty header is an invalid token, and so are two headers, which are joined by a comma.
        var bearer = header.ToString();
        if (!bearer.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) throw Error(TokenFault.Invalid);
        var (caller, fault) = await tokens.ReadAsync(bearer.AsSpan(Scheme.Length).Trim(), context.CancellationToken);
        if (fault != TokenFault.None) throw Error(fault);
        if (access is RequiresRoleAttribute role && !caller.Has(role.Any))
        {
            throw RpcErrors.PermissionDenied(
                "ROLE_MISSING", $"{context.Method} needs the role {string.Join(" or ", Claims.Names(role.Any))}.");
        }

        caller.Attach(context);
    }

    /// <summary>Whether anyone may call the method: health or reflection.</summary>
    public static bool IsPublic(ServerCallContext context) =>
        context.GetHttpContext().GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>() is PublicAttribute;

    private static RpcException Error(TokenFault fault) => fault switch
    {
        TokenFault.Expired => RpcErrors.Unauthenticated("TOKEN_EXPIRED", "The token has expired."),
        TokenFault.KeysUnavailable => RpcErrors.Unavailable("KEYS_UNAVAILABLE",
            "The issuer's keys cannot be read, so no token can be verified.", TimeSpan.FromSeconds(5)),
        _ => RpcErrors.Unauthenticated("TOKEN_INVALID", "This service does not accept the token."),
    };
}

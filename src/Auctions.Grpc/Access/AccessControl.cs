using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>Finds out who calls, and whether this caller may call this method.</summary>
/// <remarks>
/// Not ASP.NET's authentication middleware: that challenges with HTTP 401, of which a gRPC client makes UNAUTHENTICATED without
/// a word on what is wrong with its token.
/// </remarks>
public sealed class AccessControl(TokenReader tokens, IOptions<AuthOptions> options)
{
    private const string Scheme = "Bearer ";

    /// <exception cref="RpcException">UNAUTHENTICATED or PERMISSION_DENIED; UNAVAILABLE where the issuer's keys cannot be had.</exception>
    public async ValueTask AdmitAsync(ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var access = http.GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>();
        if (access is PublicAttribute) return;

        // Not the call's Metadata: that is made anew of all headers, for each call.
        var header = http.Request.Headers.Authorization;
        if (header.Count == 0)
        {
            if (access is OpenReadAttribute && options.Value.OpenReads) return;
            throw RpcErrors.Unauthenticated("TOKEN_MISSING", "The call needs the metadata 'authorization: Bearer <token>'.");
        }

        // Two of them make one, joined by a comma, which is no token; an empty one is none either.
        var bearer = header.ToString();
        if (!bearer.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) throw Refusal(TokenFault.Invalid);
        var (caller, fault) = await tokens.ReadAsync(bearer.AsSpan(Scheme.Length).Trim(), context.CancellationToken);
        if (fault != TokenFault.None) throw Refusal(fault);
        if (access is RequiresRoleAttribute role && !caller.Has(role.Any))
            throw RpcErrors.PermissionDenied("ROLE_MISSING", $"{context.Method} needs the role {Alternatives(role.Any)}.");
        caller.Attach(context);
    }

    /// <summary>Whether the method is one that anyone may call: health or reflection.</summary>
    public static bool IsPublic(ServerCallContext context) =>
        context.GetHttpContext().GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>() is PublicAttribute;

    private static RpcException Refusal(TokenFault fault) => fault switch
    {
        TokenFault.Expired => RpcErrors.Unauthenticated("TOKEN_EXPIRED", "The token has expired."),
        TokenFault.KeysUnavailable => RpcErrors.Unavailable("KEYS_UNAVAILABLE",
            "The issuer's keys cannot be read, so no token can be verified.", TimeSpan.FromSeconds(5)),
        _ => RpcErrors.Unauthenticated("TOKEN_INVALID", "The token is not one that this service accepts."),
    };

    private static string Alternatives(Roles any) => string.Join(" or ", Claims.Words(any));
}

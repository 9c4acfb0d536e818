using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Auctions.Platform.Hosting;

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
        var access = context.GetHttpContext().GetEndpoint()?.Metadata.GetMetadata<AccessAttribute>();
        if (access is PublicAttribute) return;

        var token = BearerOf(context.RequestHeaders);
        if (token is null)
        {
            if (access is OpenReadAttribute && options.Value.OpenReads) return;
            throw RpcErrors.Unauthenticated("TOKEN_MISSING", "The call needs the metadata 'authorization: Bearer <token>'.");
        }

        var (caller, fault) = await tokens.ReadAsync(token, context.CancellationToken);
        if (fault != TokenFault.None) throw Refusal(fault);
        if (access is RequiresRoleAttribute role && !caller.Has(role.Any))
            throw RpcErrors.PermissionDenied("ROLE_MISSING", $"{context.Method} needs the role {Alternatives(role.Any)}.");
        caller.Attach(context);
    }

    /// <summary>The token; null where none was sent. Two arrive as one, joined by a comma, which is none.</summary>
    private static string? BearerOf(Metadata headers)
    {
        if (headers.GetValue("authorization") is not { } value) return null;
        return value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? value[Scheme.Length..].Trim() : throw Refusal(TokenFault.Invalid);
    }

    private static RpcException Refusal(TokenFault fault) => fault switch
    {
        TokenFault.Expired => RpcErrors.Unauthenticated("TOKEN_EXPIRED", "The token has expired."),
        TokenFault.KeysUnavailable => RpcErrors.Unavailable("KEYS_UNAVAILABLE",
            "The issuer's keys cannot be read, so no token can be verified.", TimeSpan.FromSeconds(5)),
        _ => RpcErrors.Unauthenticated("TOKEN_INVALID", "The token is not one that this service accepts."),
    };

    private static string Alternatives(Roles any) => string.Join(" or ", Claims.Words(any));
}

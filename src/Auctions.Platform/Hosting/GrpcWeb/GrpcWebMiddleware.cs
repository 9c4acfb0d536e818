using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>
/// Lets browsers call the gRPC services behind it: a gRPC-Web request goes on as a gRPC one, and the response comes back with
/// its trailers as a last frame of the body, since a page can read no HTTP trailers. Unary and server streaming, binary and
/// base64 text (github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md). Everything else passes untouched.
/// </summary>
internal sealed class GrpcWebMiddleware(RequestDelegate next)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (GrpcWebMedia.Of(context.Request) is not { } media)
        {
            await next(context);
            return;
        }

        if (media.TextRequest && !await TryDecodeBodyAsync(context)) return;

        var call = new GrpcWebCall(context.Features, media.TextResponse);
        context.Request.ContentType = media.InnerRequestType;
        context.Request.Protocol = "HTTP/2"; // The gRPC server turns anything older away.
        context.Response.OnStarting(() =>
        {
            if (context.Response.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true)
                context.Response.ContentType = media.ResponseType;
            return Task.CompletedTask;
        });

        await next(context);
        await call.CompleteAsync();
    }

    /// <summary>Puts the decoded body in the encoded one's place; answers the request itself where it cannot.</summary>
    private static async Task<bool> TryDecodeBodyAsync(HttpContext context)
    {
        var body = await Base64Body.ReadAsync(context.Request.BodyReader, context.RequestAborted);
        if (body.Flaw is { } status)
        {
            context.Response.StatusCode = status;
            return false;
        }

        context.Features.Set<IRequestBodyPipeFeature>(body);
        context.Request.ContentLength = null;
        return true;
    }
}

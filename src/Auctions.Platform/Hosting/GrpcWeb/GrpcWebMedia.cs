using Microsoft.AspNetCore.Http;

namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>How one gRPC-Web request, and its response, are written on the wire.</summary>
/// <param name="Suffix">The message format, <c>+proto</c> as a rule; empty where the request names none.</param>
/// <param name="TextRequest">The request's body is base64.</param>
/// <param name="TextResponse">The response's body is to be base64.</param>
internal readonly record struct GrpcWebMedia(string Suffix, bool TextRequest, bool TextResponse)
{
    private const string Binary = "application/grpc-web";
    private const string Text = "application/grpc-web-text";

    /// <summary>What the gRPC server behind the middleware is told.</summary>
    public string InnerRequestType => "application/grpc" + Suffix;

    public string ResponseType => (TextResponse ? Text : Binary) + (Suffix.Length == 0 ? "+proto" : Suffix);

    /// <summary>Null where the request is no gRPC-Web call.</summary>
    public static GrpcWebMedia? Of(HttpRequest request)
    {
        if (!HttpMethods.IsPost(request.Method)) return null;
        if (Match(request.ContentType) is not var (suffix, text)) return null;

        // A client may send binary and accept text, or the other way round; without an opinion it gets what it sent.
        var accepted = Match(request.Headers.Accept);
        return new GrpcWebMedia(suffix, text, accepted?.Text ?? text);
    }

    private static (string Suffix, bool Text)? Match(string? mediaType)
    {
        var type = mediaType.AsSpan();
        if (type.IndexOfAny(';', ',') is >= 0 and var end) type = type[..end];
        type = type.Trim();

        // The longer one first: the other is its prefix.
        if (type.StartsWith(Text, StringComparison.OrdinalIgnoreCase)) return Suffixed(type[Text.Length..], true);
        return type.StartsWith(Binary, StringComparison.OrdinalIgnoreCase) ? Suffixed(type[Binary.Length..], false) : null;
    }

    private static (string, bool)? Suffixed(ReadOnlySpan<char> rest, bool text) =>
        rest.IsEmpty || rest[0] == '+' ? (rest.ToString(), text) : null;
}

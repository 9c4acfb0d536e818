using System.Globalization;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Auctions.Grpc;

/// <summary>
/// Answers a call with an error before its method runs: HTTP 200, and the status in the headers ("trailers-only"), as
/// gRPC and gRPC-Web want it.
/// </summary>
internal static class RpcAnswer
{
    private const string Status = "grpc-status", Message = "grpc-message";

    /// <summary>Ends the call with this error. The response must not have begun.</summary>
    public static void Write(HttpContext http, RpcException error)
    {
        http.Response.ContentType = ContentType(http.Request);
        WriteStatus(http, error);
    }

    /// <summary>
    /// Replaces the status of a call that the gRPC package refused. It answers UNKNOWN or INTERNAL, without details, to
    /// a request that it cannot read. The errors of our methods always have details.
    /// </summary>
    /// <returns>Whether it was replaced.</returns>
    public static bool Replace(HttpContext http, RpcException error)
    {
        var headers = http.Response.Headers;
        if (http.Response.HasStarted || headers.ContainsKey(RpcErrors.DetailsTrailer)) return false;
        if (headers[Status].ToString() is not ("2" or "13")) return false;
        WriteStatus(http, error);
        return true;
    }

    private static void WriteStatus(HttpContext http, RpcException error)
    {
        var headers = http.Response.Headers;
        headers[Status] = ((int)error.StatusCode).ToString(CultureInfo.InvariantCulture);
        headers[Message] = PercentEncoded(error.Status.Detail);
        foreach (var trailer in error.Trailers)
            headers[trailer.Key] = trailer.IsBinary ? Convert.ToBase64String(trailer.ValueBytes) : trailer.Value;
    }

    /// <summary>The kind of gRPC-Web that the client accepts, or that it sent.</summary>
    private static string ContentType(HttpRequest request)
    {
        if (!IsWeb(request.ContentType)) return "application/grpc";
        var accepted = request.Headers.Accept.ToString();
        var kind = IsWeb(accepted) ? accepted : request.ContentType!;
        return kind.StartsWith(WebTextGuard.TextType, StringComparison.OrdinalIgnoreCase)
            ? WebTextGuard.TextType
            : WebTextGuard.BinaryType;

        static bool IsWeb(string? type) =>
            type?.StartsWith(WebTextGuard.BinaryType, StringComparison.OrdinalIgnoreCase) == true;
    }

    /// <summary>As the gRPC protocol encodes <c>grpc-message</c>: printable ASCII except % stays as it is.</summary>
    private static string PercentEncoded(string text)
    {
        if (text.All(IsPlain)) return text;
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var octet in Encoding.UTF8.GetBytes(text))
        {
            if (IsPlain((char)octet)) encoded.Append((char)octet);
            else encoded.Append(CultureInfo.InvariantCulture, $"%{octet:X2}");
        }

        return encoded.ToString();

        static bool IsPlain(char c) => c is >= ' ' and <= '~' and not '%';
    }
}

using System.Buffers;
using System.Buffers.Text;
using Auctions.Hosting;
using Grpc.AspNetCore.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>The configuration section <c>GrpcWeb</c>.</summary>
public sealed class WebClientOptions : ISectionOptions
{
    public static string Section => "GrpcWeb";

    /// <summary>
    /// Origins whose pages may call, such as <c>https://auctions.example</c>; <c>*</c> = any. None by default: the page comes
    /// from the same origin. Calls carry bearer tokens and never cookies, so any origin is no worse than a curl.
    /// </summary>
    public string[] Origins { get; set; } = [];

    public IEnumerable<string> Failures() => Origins.Where(origin => origin != "*" && !IsOrigin(origin))
        .Select(origin => $"{Section}:Origins: '{origin}' is no origin such as https://auctions.example");

    private static bool IsOrigin(string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority) == origin;
}

/// <summary>Opens a service's gRPC methods to web pages: gRPC-Web by the package, CORS, and a guard before both.</summary>
public static class WebClients
{
    private const string Policy = "web-clients";

    // A page sees of a cross-origin response what is exposed, and nothing else. A call without a body has its status here.
    private static readonly string[] Exposed = ["grpc-status", "grpc-message", RpcErrors.DetailsTrailer];

    public static IServiceCollection AddWebClients(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSection<WebClientOptions>(configuration).AddCors();
        services.AddOptions<CorsOptions>().Configure<IOptions<WebClientOptions>>((cors, web) => cors.AddPolicy(Policy, policy =>
        {
            if (web.Value.Origins.Contains("*")) policy.AllowAnyOrigin();
            else policy.WithOrigins(web.Value.Origins);
            policy.WithMethods("POST").AllowAnyHeader().WithExposedHeaders(Exposed).SetPreflightMaxAge(TimeSpan.FromHours(2));
        }));
        return services;
    }

    /// <summary>Belongs before anything that looks at a request's content type, or writes a response.</summary>
    public static IApplicationBuilder UseWebClients(this IApplicationBuilder app) => app
        .UseCors(Policy)
        .UseMiddleware<WebTextGuard>()
        .UseGrpcWeb(new GrpcWebOptions { DefaultEnabled = true });
}

/// <summary>
/// Decodes a request in base64 text before the package sees it. The package would answer bad base64 with HTTP 200 and UNKNOWN, break
/// the connection of a request that is too large, refuse one whose parts were padded each on its own, and answer in binary a client
/// that did not say what it accepts.
/// </summary>
internal sealed class WebTextGuard(RequestDelegate next)
{
    /// <summary>Characters of a text request: what the largest message takes in base64.</summary>
    public const int TextLengthMax = (ListenOptions.MaxMessageBytes + 5 + 2) / 3 * 4;

    private const string BinaryType = "application/grpc-web", TextType = "application/grpc-web-text";

    public async Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentType?.StartsWith(TextType, StringComparison.OrdinalIgnoreCase) == true)
        {
            var text = new byte[TextLengthMax + 1];
            var length = await request.Body.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, context.RequestAborted);
            if (length > TextLengthMax || Decode(text.AsSpan(0, length)) is not { } body)
            {
                context.Response.StatusCode =
                    length > TextLengthMax ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest;
                return;
            }

            if (!request.Headers.Accept.ToString().Contains(BinaryType, StringComparison.OrdinalIgnoreCase)) request.Headers.Accept = TextType;
            (request.ContentType, request.Body) = (BinaryType, body);
        }

        await next(context);
    }

    /// <summary>Reads one or more padded stretches: some clients encode a frame's prefix and its message each on its own.</summary>
    /// <returns>Null where it is no base64.</returns>
    private static MemoryStream? Decode(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        var count = 0;
        while (!text.IsEmpty)
        {
            var padding = text.IndexOf((byte)'=');
            var afterPadding = padding < 0 ? -1 : text[padding..].IndexOfAnyExcept((byte)'=');
            var stretch = afterPadding < 0 ? text : text[..(padding + afterPadding)];
            if (Base64.DecodeFromUtf8(stretch, bytes.AsSpan(count), out _, out var written) != OperationStatus.Done) return null;
            count += written;
            text = text[stretch.Length..];
        }

        return new MemoryStream(bytes, 0, count);
    }
}

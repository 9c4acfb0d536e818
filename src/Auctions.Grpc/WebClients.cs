using System.Buffers;
using System.Buffers.Text;
using Auctions.Hosting;
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
    /// Origins whose pages may call, such as <c>https://auctions.example</c>; <c>*</c> allows every origin. None by
    /// default: only pages of the same origin may call. Calls have bearer tokens and never cookies, so a page of a
    /// foreign origin can do no more than a program like curl.
    /// </summary>
    public string[] Origins { get; set; } = [];

    public IEnumerable<string> Failures() => Origins.Where(origin => origin != "*" && !IsOrigin(origin))
        .Select(origin => $"{Section}:Origins: '{origin}' is not an origin such as https://auctions.example");

    private static bool IsOrigin(string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority) == origin;
}

/// <summary>Opens a service's gRPC methods to web pages: CORS, gRPC-Web, and a guard between the two.</summary>
public static class WebClients
{
    private const string Policy = "web-clients";

    // A page can read only these headers of a cross-origin response. A response without a body has its status in them.
    private static readonly string[] Exposed = ["grpc-status", "grpc-message", RpcErrors.DetailsTrailer];

    public static IServiceCollection AddWebClients(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSection<WebClientOptions>(configuration).AddCors();
        services.AddOptions<CorsOptions>().Configure<IOptions<WebClientOptions>>((cors, web) =>
            cors.AddPolicy(Policy, policy =>
            {
                if (web.Value.Origins.Contains("*")) policy.AllowAnyOrigin();
                else policy.WithOrigins(web.Value.Origins);
                policy.WithMethods("POST").AllowAnyHeader().WithExposedHeaders(Exposed);
                policy.SetPreflightMaxAge(TimeSpan.FromHours(2));
            }));
        return services;
    }

    /// <summary>Call it before any middleware that reads a request's content type or writes a response.</summary>
    public static IApplicationBuilder UseWebClients(this IApplicationBuilder app) => app
        .UseCors(Policy)
        .UseMiddleware<WebTextGuard>()
        .UseGrpcWeb(new GrpcWebOptions { DefaultEnabled = true });
}

/// <summary>
/// Decodes a base64 text request before the gRPC-Web package reads it. The package would
/// <list type="bullet">
/// <item>answer invalid base64 with HTTP 200 and UNKNOWN,</item>
/// <item>break the connection of a request that is too large,</item>
/// <item>refuse a request whose parts are padded separately,</item>
/// <item>answer in binary if the client does not say what it accepts.</item>
/// </list>
/// </summary>
internal sealed class WebTextGuard(RequestDelegate next)
{
    /// <summary>Characters of a text request: the base64 length of the largest message with its prefix.</summary>
    public const int TextLengthMax = (ListenOptions.MaxMessageBytes + 5 + 2) / 3 * 4;

    private const string BinaryType = "application/grpc-web";
    private const string TextType = "application/grpc-web-text";

    public async Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentType?.StartsWith(TextType, StringComparison.OrdinalIgnoreCase) == true)
        {
            var (body, status) = await ReadAsync(request.Body, context.RequestAborted);
            if (body is null)
            {
                context.Response.StatusCode = status;
                return;
            }

            if (!request.Headers.Accept.ToString().Contains(BinaryType, StringComparison.OrdinalIgnoreCase))
                request.Headers.Accept = TextType;
            (request.ContentType, request.Body) = (BinaryType, body);
        }

        await next(context);
    }

    /// <returns>The decoded body, or the HTTP status of an error.</returns>
    private static async Task<(MemoryStream? Body, int Status)> ReadAsync(
        Stream body, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(TextLengthMax + 1);
        try
        {
            var length = await body.ReadAtLeastAsync(
                buffer.AsMemory(0, TextLengthMax + 1), TextLengthMax + 1, throwOnEndOfStream: false, cancellationToken);
            return length > TextLengthMax
                ? (null, StatusCodes.Status413PayloadTooLarge)
                : (Decode(buffer.AsSpan(0, length)), StatusCodes.Status400BadRequest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>
    /// Decodes one or more padded segments: some clients encode a frame's prefix and its message separately.
    /// </summary>
    /// <returns>Null if the text is not base64.</returns>
    private static MemoryStream? Decode(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        var count = 0;
        while (!text.IsEmpty)
        {
            var padding = text.IndexOf((byte)'=');
            var afterPadding = padding < 0 ? -1 : text[padding..].IndexOfAnyExcept((byte)'=');
            var segment = afterPadding < 0 ? text : text[..(padding + afterPadding)];
            if (Base64.DecodeFromUtf8(segment, bytes.AsSpan(count), out _, out var written) != OperationStatus.Done)
                return null;
            count += written;
            text = text[segment.Length..];
        }

        return new MemoryStream(bytes, 0, count);
    }
}

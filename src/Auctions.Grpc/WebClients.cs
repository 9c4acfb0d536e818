using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
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

/// <summary>Opens a service's gRPC methods to web pages: CORS, gRPC-Web, and what stands between.</summary>
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

    /// <summary>
    /// In the place of <see cref="GrpcRegistration.UseCalls"/>: the same, for web pages too. Call it before any
    /// middleware that reads a request's content type or writes a response.
    /// </summary>
    public static IApplicationBuilder UseWebCalls(this IApplicationBuilder app) => app
        .UseCors(Policy)
        .UseMiddleware<CallGate>()
        .UseMiddleware<WebTextGuard>()
        .UseGrpcWeb(new GrpcWebOptions { DefaultEnabled = true })
        .UseMiddleware<MessageGuard>();
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
internal sealed class WebTextGuard(RequestDelegate next, IOptions<LimitOptions> options, TimeProvider timeProvider)
{
    /// <summary>Characters of a text request: the base64 length of the largest message with its prefix.</summary>
    public const int TextLengthMax = (ListenOptions.MaxMessageBytes + 5 + 2) / 3 * 4;

    public const string BinaryType = "application/grpc-web";
    public const string TextType = "application/grpc-web-text";

    private readonly TimeSpan _patience = TimeSpan.FromMilliseconds(options.Value.RequestTimeoutMs);

    public async Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentType?.StartsWith(TextType, StringComparison.OrdinalIgnoreCase) == true)
        {
            var (body, fault) = await ReadAsync(request.BodyReader, context.RequestAborted);
            if (body is null)
            {
                RpcAnswer.Write(context, RpcErrors.MessageInvalid(fault));
                return;
            }

            if (!request.Headers.Accept.ToString().Contains(BinaryType, StringComparison.OrdinalIgnoreCase))
                request.Headers.Accept = TextType;
            (request.ContentType, request.Body) = (BinaryType, body);
        }

        await next(context);
    }

    /// <summary>Reads the whole body. It takes as much memory as the client has sent.</summary>
    /// <returns>The decoded body, or what is wrong with it.</returns>
    private async Task<(MemoryStream? Body, string Fault)> ReadAsync(
        PipeReader reader, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(_patience, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            while (true)
            {
                var result = await reader.ReadAsync(either.Token);
                var text = result.Buffer;
                if (text.Length > TextLengthMax)
                    return (null, $"A text request must have at most {TextLengthMax} characters.");
                if (result.IsCompleted)
                {
                    var body = Decode(text.ToArray());
                    reader.AdvanceTo(text.End);
                    return (body, "The request is not base64.");
                }

                reader.AdvanceTo(text.Start, text.End);
            }
        }
        catch (BadHttpRequestException)
        {
            return (null, "The request is too long, or not complete.");
        }
        catch (OperationCanceledException)
        {
            return (null, $"The request was not complete after {_patience.TotalMilliseconds} ms.");
        }
        catch (IOException)
        {
            return (null, "The client has gone."); // Nobody receives this.
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

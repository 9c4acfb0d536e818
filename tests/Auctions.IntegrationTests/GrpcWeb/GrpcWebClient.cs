using System.Buffers.Binary;
using System.Net.Http.Headers;
using System.Text;
using Google.Protobuf;

namespace Auctions.IntegrationTests.GrpcWeb;

/// <summary>gRPC-Web over HTTP/1.1, frame by frame, as PROTOCOL-WEB.md describes it.</summary>
internal sealed class GrpcWebClient(string address) : IDisposable
{
    public const string Binary = "application/grpc-web";
    public const string Text = "application/grpc-web-text";

    private readonly HttpClient _http = new() { BaseAddress = new Uri(address) };

    /// <summary>A message with its prefix.</summary>
    public static byte[] Frame(IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return frame;
    }

    /// <summary>Calls a method; its response has begun when this returns.</summary>
    public Task<HttpResponseMessage> PostAsync(string method, string contentType, byte[] body, string? accept = null, string? origin = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, method) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        request.Headers.Add("x-grpc-web", "1");
        if (accept is not null) request.Headers.TryAddWithoutValidation("accept", accept);
        if (origin is not null) request.Headers.Add("origin", origin);
        return _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => _http.SendAsync(request);

    /// <summary>Calls a method in either mode.</summary>
    public async Task<GrpcWebResponse> CallAsync(string method, IMessage message, bool text)
    {
        var body = text ? Encoding.ASCII.GetBytes(Convert.ToBase64String(Frame(message))) : Frame(message);
        return await GrpcWebResponse.OfAsync(await PostAsync(method, text ? Text : Binary, body));
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>A response as it comes in.</summary>
internal sealed class GrpcWebResponse : IDisposable
{
    private const byte TrailersFlag = 0x80;

    private readonly Stream _body;
    private readonly bool _text;
    private readonly List<byte> _plain = [];

    private GrpcWebResponse(HttpResponseMessage http, Stream body)
    {
        (Http, _body) = (http, body);
        _text = http.Content.Headers.ContentType?.MediaType?.StartsWith("application/grpc-web-text", StringComparison.Ordinal) == true;
        if (http.Headers.TryGetValues("grpc-status", out var status)) Trailers["grpc-status"] = status.Single();
        if (http.Headers.TryGetValues("grpc-message", out var text)) Trailers["grpc-message"] = text.Single();
    }

    public HttpResponseMessage Http { get; }

    /// <summary>From the last frame, or from the headers of a response without a body.</summary>
    public Dictionary<string, string> Trailers { get; } = [];

    public static async Task<GrpcWebResponse> OfAsync(HttpResponseMessage http) => new(http, await http.Content.ReadAsStreamAsync());

    /// <summary>The next message; null when the trailers, or nothing more, came.</summary>
    public async Task<byte[]?> ReadAsync()
    {
        while (true)
        {
            if (_plain.Count >= 5 && BinaryPrimitives.ReadInt32BigEndian(_plain[1..5].ToArray()) is var length && _plain.Count >= 5 + length)
            {
                var (flags, content) = (_plain[0], _plain[5..(5 + length)].ToArray());
                _plain.RemoveRange(0, 5 + length);
                if ((flags & TrailersFlag) == 0) return content;
                foreach (var line in Encoding.ASCII.GetString(content).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
                    Trailers.Add(line[..line.IndexOf(':')], line[(line.IndexOf(':') + 1)..].Trim());
                Assert.Empty(_plain);
                Assert.Equal(0, await _body.ReadAsync(new byte[1]));
                return null;
            }

            if (!await FillAsync()) return null;
        }
    }

    /// <summary>Everything up to the end.</summary>
    public async Task<List<byte[]>> ReadAllAsync()
    {
        var messages = new List<byte[]>();
        while (await ReadAsync() is { } message) messages.Add(message);
        return messages;
    }

    public void Dispose() => Http.Dispose();

    private async Task<bool> FillAsync()
    {
        var buffer = new byte[_text ? 4 : 4096];
        var count = await _body.ReadAtLeastAsync(buffer, _text ? 4 : 1, throwOnEndOfStream: false);
        if (count == 0) return false;
        _plain.AddRange(_text ? Convert.FromBase64String(Encoding.ASCII.GetString(buffer, 0, count)) : buffer[..count]);
        return true;
    }
}

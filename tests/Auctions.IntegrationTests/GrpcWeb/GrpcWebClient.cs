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

    /// <summary>Sends any body; returns when the response has begun.</summary>
    public Task<HttpResponseMessage> PostAsync(
        string method, string contentType, byte[] body, string? accept = null, string? origin = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, method) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        request.Headers.Add("x-grpc-web", "1");
        if (accept is not null) request.Headers.TryAddWithoutValidation("accept", accept);
        if (origin is not null) request.Headers.Add("origin", origin);
        return _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => _http.SendAsync(request);

    /// <summary>Calls a method in text or binary mode.</summary>
    public Task<GrpcWebResponse> CallAsync(string method, IMessage message, bool text)
    {
        var frame = Frame(message);
        return text
            ? CallAsync(method, Text, Encoding.ASCII.GetBytes(Convert.ToBase64String(frame)))
            : CallAsync(method, Binary, frame);
    }

    /// <summary>Calls a method with any body.</summary>
    public async Task<GrpcWebResponse> CallAsync(
        string method, string contentType, byte[] body, string? accept = null)
    {
        var http = await PostAsync(method, contentType, body, accept);
        return new GrpcWebResponse(http, await http.Content.ReadAsStreamAsync());
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>A response, read while it arrives.</summary>
internal sealed class GrpcWebResponse : IDisposable
{
    private const byte TrailersFlag = 0x80;

    private readonly Stream _body;
    private readonly bool _text;
    private readonly List<byte> _received = [];

    public GrpcWebResponse(HttpResponseMessage http, Stream body)
    {
        (Http, _body) = (http, body);
        _text = ContentType?.StartsWith(GrpcWebClient.Text, StringComparison.Ordinal) == true;
        foreach (var name in (string[])["grpc-status", "grpc-message"])
        {
            if (http.Headers.TryGetValues(name, out var values)) Trailers[name] = values.Single();
        }
    }

    public HttpResponseMessage Http { get; }

    public string? ContentType => Http.Content.Headers.ContentType?.ToString();

    /// <summary>From the last frame, or from the headers of a response without a body.</summary>
    public Dictionary<string, string> Trailers { get; } = [];

    /// <summary>The next message; null at the trailers or at the end.</summary>
    public async Task<byte[]?> ReadAsync()
    {
        while (true)
        {
            if (TryTakeFrame() is not var (flags, content))
            {
                if (!await ReceiveAsync()) return null;
                continue;
            }

            if ((flags & TrailersFlag) == 0) return content;
            foreach (var line in Encoding.ASCII.GetString(content).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
                Trailers.Add(line[..line.IndexOf(':')], line[(line.IndexOf(':') + 1)..].Trim());
            Assert.Empty(_received);
            Assert.Equal(0, await _body.ReadAsync(new byte[1]));
            return null;
        }
    }

    public async Task<List<byte[]>> ReadAllAsync()
    {
        var messages = new List<byte[]>();
        while (await ReadAsync() is { } message) messages.Add(message);
        return messages;
    }

    public void Dispose() => Http.Dispose();

    private (byte Flags, byte[] Content)? TryTakeFrame()
    {
        if (_received.Count < 5) return null;
        var length = BinaryPrimitives.ReadInt32BigEndian(_received[1..5].ToArray());
        if (_received.Count < 5 + length) return null;
        var frame = (_received[0], _received[5..(5 + length)].ToArray());
        _received.RemoveRange(0, 5 + length);
        return frame;
    }

    /// <returns>False at the end of the body.</returns>
    private async Task<bool> ReceiveAsync()
    {
        var buffer = new byte[_text ? 4 : 4096];
        var count = await _body.ReadAtLeastAsync(buffer, _text ? 4 : 1, throwOnEndOfStream: false);
        if (count == 0) return false;
        _received.AddRange(
            _text ? Convert.FromBase64String(Encoding.ASCII.GetString(buffer, 0, count)) : buffer[..count]);
        return true;
    }
}

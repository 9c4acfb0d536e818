using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Auctions.Grpc;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Auctions.IntegrationTests.Limits;

/// <summary>gRPC calls over one HTTP/2 connection whose headers and bytes the test chooses.</summary>
internal sealed class RawCalls(string address) : IDisposable
{
    public const string PlaceBid = "/auctions.v1.BiddingService/PlaceBid";
    public const string PlaceBids = "/auctions.v1.BiddingService/PlaceBids";
    public const string OpenRead = "/auctions.v1.BiddingService/GetBidOutcome";

    private readonly HttpClient _http = new() { BaseAddress = new Uri(address) };

    /// <summary>Bytes with a prefix, whatever they are.</summary>
    public static byte[] Framed(byte[] content, byte flag = 0, uint? length = null)
    {
        var frame = new byte[5 + content.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), length ?? (uint)content.Length);
        content.CopyTo(frame, 5);
        return frame;
    }

    public static byte[] Framed(IMessage message) => Framed(message.ToByteArray());

    public Task<RawAnswer> CallAsync(string method, byte[] body, Metadata? headers = null) =>
        CallAsync(method, new ByteArrayContent(body), headers);

    public async Task<RawAnswer> CallAsync(string method, HttpContent body, Metadata? headers = null)
    {
        using var response = await Eventually.EndsAsync(SendAsync(method, body, headers));
        return await RawAnswer.ReadAsync(response);
    }

    /// <summary>Returns when the headers of the response have arrived.</summary>
    public Task<HttpResponseMessage> SendAsync(string method, HttpContent body, Metadata? headers = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body,
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        foreach (var header in headers ?? []) request.Headers.TryAddWithoutValidation(header.Key, header.Value);
        return _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>The messages and the status of a call.</summary>
internal sealed record RawAnswer(HttpStatusCode Http, StatusCode Status, string Reason, List<byte[]> Messages)
{
    public static async Task<RawAnswer> ReadAsync(HttpResponseMessage response)
    {
        var body = await Eventually.EndsAsync(response.Content.ReadAsByteArrayAsync());
        var messages = new List<byte[]>();
        for (var at = 0; at < body.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(at + 1));
            messages.Add(body[(at + 5)..(at + 5 + length)]);
            at += 5 + length;
        }

        var trailers = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        var status = (StatusCode)int.Parse(trailers.GetValues("grpc-status").Single());
        return new RawAnswer(response.StatusCode, status, ReasonOf(trailers), messages);
    }

    private static string ReasonOf(HttpResponseHeaders trailers)
    {
        if (!trailers.TryGetValues(RpcErrors.DetailsTrailer, out var values)) return "";
        var status = Google.Rpc.Status.Parser.ParseFrom(Convert.FromBase64String(Padded(values.Single())));
        return status.GetDetail<ErrorInfo>()?.Reason ?? "";
    }

    private static string Padded(string base64) => base64.PadRight((base64.Length + 3) / 4 * 4, '=');
}

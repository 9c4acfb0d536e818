using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace DevStack.Servers;

/// <summary>Questions that any process of a kind answers.</summary>
public static class Probes
{
    // A gRPC message is a compression flag and a length of 4 bytes, then the protobuf. An empty
    // HealthCheckRequest asks for the whole server; { status: SERVING } is field 1 with the value 1.
    private static readonly byte[] HealthCheckRequest = [0, 0, 0, 0, 0];
    private static readonly byte[] Serving = [0, 0, 0, 0, 2, 0x08, 0x01];

    private static readonly HttpClient Http = new();

    public static async Task<bool> AcceptsConnectionsAsync(string address, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(address), cancellationToken);
        return true;
    }

    /// <summary>Asks grpc.health.v1.Health over HTTP/2 without TLS.</summary>
    public static async Task<bool> ServesGrpcAsync(string address, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}/grpc.health.v1.Health/Check")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(HealthCheckRequest),
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await Http.SendAsync(request, cancellationToken);
        var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return answer.AsSpan().SequenceEqual(Serving);
    }
}

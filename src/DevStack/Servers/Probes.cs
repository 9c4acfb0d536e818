using System.Net;
using System.Net.Sockets;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace DevStack.Servers;

/// <summary>Readiness probes, one for each protocol. They throw when the server does not answer.</summary>
public static class Probes
{
    /// <summary>Whether somebody listens there.</summary>
    public static async Task<bool> AcceptsConnectionsAsync(string address, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(address), cancellationToken);
        return true;
    }

    /// <summary>Whether grpc.health.v1 says that the whole server is SERVING, over HTTP/2 without TLS.</summary>
    public static async Task<bool> ServesGrpcAsync(string address, CancellationToken cancellationToken)
    {
        var options = new GrpcChannelOptions { ThrowOperationCanceledOnCancellation = true };
        using var channel = GrpcChannel.ForAddress($"http://{address}", options);
        var request = new HealthCheckRequest(); // without a name: the whole server
        var answer = await new Health.HealthClient(channel).CheckAsync(request, cancellationToken: cancellationToken);
        return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving;
    }
}

using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Hosting;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Auctions.Platform.Hosting;

/// <summary>
/// grpc.health.v1 for the server as a whole (the empty name), for each service that it offers, and for each thing that it works
/// with ("postgres", "redis").
/// </summary>
[Public]
public sealed class HealthRpc(Readiness readiness, GrpcServices services, IHostApplicationLifetime lifetime) : Health.HealthBase
{
    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        StatusOf(request.Service) is var status && status != ServingStatus.ServiceUnknown
            ? Task.FromResult(new HealthCheckResponse { Status = status })
            : throw RpcErrors.NotFound("SERVICE_UNKNOWN", "This server offers no service of that name.");

    /// <summary>Ends when the process stops, so that its last word, NOT_SERVING, is heard before the connection goes.</summary>
    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responses, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var told = ServingStatus.Unknown;
        while (true)
        {
            // Taken before the status: a change in between ends it at once.
            var changed = readiness.Changed;
            var status = StatusOf(request.Service);
            if (status != told) await responses.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
            told = status;
            if (ending.IsCancellationRequested) return;
            await changed.WaitAsync(ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private ServingStatus StatusOf(string service)
    {
        if (service.Length == 0 || services.Offers(service)) return Word(readiness.Serving);
        return readiness.Answers(service) is { } answers ? Word(answers) : ServingStatus.ServiceUnknown;
    }

    private static ServingStatus Word(bool serving) => serving ? ServingStatus.Serving : ServingStatus.NotServing;
}

using System.IO.Pipelines;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>
/// Stands between the client's bytes and the gRPC package, which answers UNKNOWN or INTERNAL to what it cannot read,
/// and waits for the rest of a message as long as the client likes. <see cref="MessageReader"/> refuses such requests
/// with INVALID_ARGUMENT; what only the package can find, a message that is no valid protobuf, is changed into it here.
/// </summary>
internal sealed class MessageGuard(
    RequestDelegate next, IOptions<LimitOptions> options, TimeProvider timeProvider, IncidentLog incidents,
    ILogger<MessageGuard> logger)
{
    private readonly TimeSpan _patience = TimeSpan.FromMilliseconds(options.Value.RequestTimeoutMs);

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method is not { } method)
        {
            await next(http);
            return;
        }

        using var reader = new MessageReader(http, method.Type, _patience, timeProvider);
        var body = http.Features.Get<IRequestBodyPipeFeature>();
        http.Features.Set<IRequestBodyPipeFeature>(new MessageBody(reader));
        try
        {
            await next(http);
        }
        finally
        {
            http.Features.Set(body);
        }

        var replaced = RpcAnswer.Replace(http, RpcErrors.MessageInvalid("The request is not a valid message."));
        if ((replaced || reader.HasRefused) && incidents.IsFirst("message"))
            logger.MessageRefused(reader.Refusal ?? "not a valid message");
    }

    private sealed record MessageBody(PipeReader Reader) : IRequestBodyPipeFeature;
}

using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>What the gRPC boundary logs: events 500 to 599.</summary>
internal static partial class GrpcLog
{
    [LoggerMessage(500, LogLevel.Error, "{Method} failed.")]
    public static partial void CallFailed(this ILogger logger, string method, Exception exception);
}

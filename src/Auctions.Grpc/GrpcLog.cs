using Microsoft.Extensions.Logging;

namespace Auctions.Grpc;

/// <summary>
/// What the gRPC boundary logs: events 500 to 599. Each at most once a second for each kind
/// (<see cref="IncidentLog"/>).
/// </summary>
internal static partial class GrpcLog
{
    [LoggerMessage(500, LogLevel.Error, "{Method} failed.")]
    public static partial void CallFailed(this ILogger logger, string method, Exception exception);

    [LoggerMessage(501, LogLevel.Warning, "Calls are refused by the limit {Limit}: {Message}")]
    public static partial void LimitReached(this ILogger logger, string limit, string message);

    [LoggerMessage(502, LogLevel.Information, "Requests that are not valid gRPC are refused: {Reason}")]
    public static partial void MessageRefused(this ILogger logger, string reason);

    [LoggerMessage(503, LogLevel.Information, "Tokens are refused: {Reason}")]
    public static partial void TokenRefused(this ILogger logger, string reason);
}

using Microsoft.Extensions.Logging;

namespace Auctions.Hosting;

/// <summary>Everything that hosting logs: 100 to 199.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(100, LogLevel.Warning, "{Dependency} does not answer.")]
    internal static partial void DependencyAway(this ILogger logger, string dependency, Exception? exception);

    [LoggerMessage(101, LogLevel.Information, "{Dependency} answers again.")]
    internal static partial void DependencyBack(this ILogger logger, string dependency);

    [LoggerMessage(110, LogLevel.Information, "Warmed up in {Milliseconds} ms.")]
    internal static partial void WarmedUp(this ILogger logger, long milliseconds);

    [LoggerMessage(111, LogLevel.Information, "The warm-up of {Name} was skipped: {Reason}")]
    internal static partial void WarmUpSkipped(this ILogger logger, string name, string reason);
}

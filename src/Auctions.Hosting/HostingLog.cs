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

    [LoggerMessage(120, LogLevel.Error,
        "The loop of {Loop} failed and begins again. Further failures are counted in auctions.loop.failures.")]
    internal static partial void LoopFailed(this ILogger logger, string loop, Exception exception);

    [LoggerMessage(121, LogLevel.Error,
        "{Work}: auction {AuctionId} failed and is put aside. It is tried again and again, less and less often.")]
    internal static partial void PutAside(this ILogger logger, string work, Guid auctionId, Exception? exception);

    [LoggerMessage(122, LogLevel.Information, "{Work}: auction {AuctionId} is no longer put aside.")]
    internal static partial void NoLongerAside(this ILogger logger, string work, Guid auctionId);
}

using Auctions.HotState;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace BiddingService;

/// <summary>
/// Looks, at start and then every <see cref="BiddingOptions.SweepSeconds"/>, for what was decided by a service that died before it
/// could persist it: appends it, and sets Redis to the ledger. What is pending because it is under way is left alone: only what was
/// seen pending at the look before counts. Any number of instances may sweep at once.
/// </summary>
internal sealed partial class Sweep(
    IHotState hotState, Recovery recovery, IOptions<BiddingOptions> options, TimeProvider timeProvider, ILogger<Sweep> logger) : BackgroundService
{
    private Dictionary<Guid, Guid> _seen = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.SweepSeconds), timeProvider);
        do
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception fault) when (fault is HotStateUnavailableException or LedgerUnavailableException)
            {
                LogPutOff(logger, fault.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var oldest = new Dictionary<Guid, Guid>();
        await foreach (var auctionId in hotState.ScanPendingAsync(cancellationToken))
        {
            if (await hotState.ReadPendingAsync(auctionId, cancellationToken) is not [var first, ..]) continue;
            oldest[auctionId] = first.Id;
            if (_seen.GetValueOrDefault(auctionId) != first.Id) continue;
            LogSwept(logger, auctionId, first.Version);
            await recovery.HydrateAsync(auctionId, cancellationToken);
        }

        _seen = oldest;
    }

    [LoggerMessage(LogLevel.Warning, "Auction {AuctionId}: pending since the last look, from version {Version} on: appended from here")]
    private static partial void LogSwept(ILogger logger, Guid auctionId, long version);

    [LoggerMessage(LogLevel.Warning, "The sweep is put off: {Reason}")]
    private static partial void LogPutOff(ILogger logger, string reason);
}

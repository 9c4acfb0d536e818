using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>
/// The net below the feed: an auction that is past its end and has not been seen to end is read from Postgres. A feed that is
/// silent looks like one in which nothing happens; at its end an auction is certain to change.
/// </summary>
internal sealed partial class OverdueCheck(
    AuctionFanout fanout, IOptions<GatewayOptions> options, TimeProvider timeProvider, ILogger<OverdueCheck> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, timeProvider);
        while (await timer.WaitForNextTickAsync(stoppingToken)) await CheckAsync(stoppingToken);
    }

    private async Task CheckAsync(CancellationToken cancellationToken)
    {
        var since = timeProvider.GetUtcNow().AddMilliseconds(-options.Value.OverdueMs);
        var sinceUs = (since - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var overdue = fanout.Watched.Where(auction => auction.Latest is { IsOver: false } latest && latest.EndUs < sinceUs);
        try
        {
            await Task.WhenAll(overdue.Select(fanout.RefreshAsync)).WaitAsync(cancellationToken);
        }
        catch (LedgerUnavailableException e)
        {
            NotRead(e);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Auctions past their end could not be read; next try in a second.")]
    private partial void NotRead(Exception exception);
}

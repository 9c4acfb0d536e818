using Auctions.Ctl.Output;

namespace Auctions.Ctl.Replay;

/// <summary>Replays recorded auctions, many at once, each with a viewer.</summary>
/// <param name="parallel">How many auctions are being bid in at once.</param>
public sealed class ReplayRun(ReplayClients clients, TimeSpan? endAfter, int parallel, TimeSpan giveUp, TimeProvider timeProvider)
{
    public async Task<ReplayReport> RunAsync(IReadOnlyList<RecordedAuction> auctions, CancellationToken cancellationToken)
    {
        var progress = new ReplayProgress(auctions.Count, auctions.Sum(auction => auction.Bids.Count));
        await using var line = new ProgressLine(progress.Line, timeProvider);
        using var gate = new SemaphoreSlim(parallel);
        var play = new AuctionPlay(clients, new Retries(giveUp, timeProvider), new Pace(endAfter), gate, progress, timeProvider);
        return ReplayReport.Of(await Task.WhenAll(auctions.Select(auction => play.RunAsync(auction, cancellationToken))).ConfigureAwait(false));
    }
}

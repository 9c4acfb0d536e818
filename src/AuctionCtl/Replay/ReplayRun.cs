using Auctions.Ctl.Output;

namespace Auctions.Ctl.Replay;

/// <summary>Replays recorded auctions, many at once, each with a viewer.</summary>
/// <param name="parallel">How many auctions are being bid in at once.</param>
public sealed class ReplayRun(ReplayClients clients, TimeSpan? endAfter, int parallel, TimeSpan giveUp, TimeProvider time)
{
    public async Task<ReplayReport> RunAsync(IReadOnlyList<RecordedAuction> auctions, CancellationToken cancellation)
    {
        var progress = new ReplayProgress(auctions.Count, auctions.Sum(auction => auction.Bids.Count));
        await using var line = new ProgressLine(progress.Line, time);
        using var gate = new SemaphoreSlim(parallel);
        var play = new AuctionPlay(clients, new Retries(giveUp, time), new Pace(endAfter), gate, progress, time);
        return ReplayReport.Of(await Task.WhenAll(auctions.Select(auction => play.RunAsync(auction, cancellation))).ConfigureAwait(false));
    }
}

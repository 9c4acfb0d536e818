using System.Collections.Concurrent;
using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace AuctionService.Closing;

/// <summary>
/// Closes the auctions whose end has come: Redis stops accepting bids, what it has decided joins the ledger, and the sealing entry
/// declares the winner. Each step may be done again by anyone at any time; the ledger takes the sealing entry once.
/// </summary>
/// <remarks>
/// The ledger alone makes the end. Redis is asked first so that bids it accepted in time get in before the sealing entry, and
/// nobody who was in time is turned away: with Redis gone they are, and nobody was told otherwise.
/// </remarks>
internal sealed partial class CloseAuctions(
    LedgerWaves waves, LedgerLifecycle lifecycle, IHotState hotState, Recovery recovery, WaveSchedule schedule, ClosingMetrics metrics,
    IOptions<AuctionOptions> options, TimeProvider timeProvider, ILogger<CloseAuctions> logger)
{
    /// <summary>Calls to Redis at a time: they share a connection, so that these are few round trips.</summary>
    private const int RedisCallsMax = 64;

    /// <summary>Closes until nothing is due that can be closed.</summary>
    /// <exception cref="LedgerUnavailableException">The rest is found by the next wave.</exception>
    public async Task AllDueAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await using var claim = await waves.ClaimDueAsync(options.Value.ClosingsMax, cancellationToken);
            if (claim.AuctionIds.Count == 0 || await CloseAsync(claim.AuctionIds, cancellationToken) == 0) return;
        }
    }

    /// <summary>Closes these together; where that fails for another reason than an outage, one by one, so that one of them cannot hold up the others.</summary>
    /// <returns>How many were sealed.</returns>
    private async Task<int> CloseAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken)
    {
        try
        {
            return await SealAsync(await StopAsync(auctionIds, cancellationToken), cancellationToken);
        }
        catch (Exception e) when (e is not (LedgerUnavailableException or OperationCanceledException))
        {
            if (auctionIds.Count == 1)
            {
                Failed(auctionIds[0], e);
                return 0;
            }

            var count = 0;
            foreach (var id in auctionIds) count += await CloseAsync([id], cancellationToken);
            return count;
        }
    }

    /// <summary>Step one: Redis accepts nothing more, and what it has decided is appended. With Redis gone there is nothing to stop.</summary>
    private async Task<List<Stopped>> StopAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken)
    {
        var stopped = new ConcurrentBag<Stopped>();
        var redis = true;
        await Parallel.ForEachAsync(
            auctionIds,
            new ParallelOptions { MaxDegreeOfParallelism = RedisCallsMax, CancellationToken = cancellationToken },
            async (id, cancel) =>
            {
                if (!Volatile.Read(ref redis))
                {
                    stopped.Add(new Stopped(id, null, Strayed: false, HotState: false));
                    return;
                }

                try
                {
                    var attempt = await hotState.SealAsync(id, force: false, cancel);
                    stopped.Add(new Stopped(id, attempt, await recovery.AppendPendingAsync(id, cancel), HotState: true));
                }
                catch (HotStateUnavailableException e)
                {
                    // The first to find out says so for all: each would wait for its own timeout.
                    if (Interlocked.Exchange(ref redis, false)) WithoutRedis(auctionIds.Count, e.Message);
                    stopped.Add(new Stopped(id, null, Strayed: false, HotState: false));
                }
            });
        return [.. stopped];
    }

    /// <summary>Step two: the sealing entries, in one transaction.</summary>
    private async Task<int> SealAsync(List<Stopped> stopped, CancellationToken cancellationToken)
    {
        var early = stopped.Where(s => s.Attempt is { Sealed: false }).Select(s => s.Id).ToList();
        if (early.Count > 0) await KeepOpenAsync(stopped, early, cancellationToken);
        if (stopped.Count == 0) return 0;

        var results = await lifecycle.SealAsync([.. stopped.Select(s => new SealRequest(s.Id, SealCause.Time))], cancellationToken);
        var committedUs = timeProvider.GetUtcNow().ToMicroseconds();
        var (count, latestUs) = (0, 0L);
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i].Outcome == SealOutcome.NotYet) await schedule.AddAsync(results[i].Auction!.Head.State.EndUs, cancellationToken);
            if (results[i].Outcome != SealOutcome.Sealed) continue;
            var lateUs = committedUs - results[i].Auction!.Head.State.EndUs;
            metrics.Sealed(TimeSpan.FromMicroseconds(lateUs));
            (count, latestUs) = (count + 1, Math.Max(latestUs, lateUs));
        }

        if (count > 0) Sealed(count, latestUs / 1_000);
        await ForgetAsync([.. results.Select((r, i) => (stopped[i], r.Auction)).Where(x => x.Auction is { Head.State.IsOver: true })], cancellationToken);
        return count;
    }

    /// <summary>
    /// Redis says of these that their end has not come. What it had decided is in the ledger by now, extensions of the end too. So where the
    /// ledger's end is past by Redis' own clock, Redis is wrong, and the auction is closed all the same; where not, it ends later.
    /// </summary>
    private async Task KeepOpenAsync(List<Stopped> stopped, List<Guid> early, CancellationToken cancellationToken)
    {
        var rows = (await lifecycle.ReadAuctionsAsync(early, cancellationToken)).ToDictionary(r => r.Id);
        foreach (var one in stopped.Where(s => s.Attempt is { Sealed: false }).ToList())
        {
            if (!rows.TryGetValue(one.Id, out var row) || row.Head.State.EndUs <= one.Attempt!.Value.NowUs) continue;
            stopped.Remove(one);

            // By our clock, which is what the schedule runs on: it may be ahead of Redis'.
            var leftUs = row.Head.State.EndUs - one.Attempt.Value.NowUs;
            await schedule.AddAsync(timeProvider.GetUtcNow().ToMicroseconds() + leftUs, cancellationToken);
        }
    }

    /// <summary>
    /// Step three, at best effort: Redis forgets the auction, whose sealing it did not propose, or is set to it where it holds entries that
    /// the ledger turned away. Left undone, the next bid's refusal by the ledger sees to it.
    /// </summary>
    private async Task ForgetAsync((Stopped Stopped, AuctionRow? Row)[] auctions, CancellationToken cancellationToken)
    {
        try
        {
            await Parallel.ForEachAsync(
                auctions.Where(a => a.Stopped.HotState),
                new ParallelOptions { MaxDegreeOfParallelism = RedisCallsMax, CancellationToken = cancellationToken },
                async (a, cancel) =>
                {
                    if (a.Stopped.Strayed) await recovery.HydrateAsync(a.Stopped.Id, cancel);
                    else await hotState.DropIfBehindAsync(a.Stopped.Id, a.Row!.Head.Version, a.Row.Head.EntryId, a.Row.OutsideVersion, cancel);
                });
        }
        catch (HotStateUnavailableException e)
        {
            NotForgotten(e.Message);
        }
    }

    /// <param name="Attempt">What Redis said; null where it does not hold the auction, or did not answer.</param>
    /// <param name="Strayed">Redis had decided what the ledger turned away.</param>
    /// <param name="HotState">Whether Redis answered.</param>
    private sealed record Stopped(Guid Id, SealAttempt? Attempt, bool Strayed, bool HotState);

    [LoggerMessage(LogLevel.Information, "{Count} auctions sealed, the latest {LatenessMs} ms after its end")]
    private partial void Sealed(int count, long latenessMs);

    [LoggerMessage(LogLevel.Warning, "{Count} auctions are closed without Redis: {Reason}")]
    private partial void WithoutRedis(int count, string reason);

    [LoggerMessage(LogLevel.Information, "Redis may hold sealed auctions as they were, until a bid finds out: {Reason}")]
    private partial void NotForgotten(string reason);

    [LoggerMessage(LogLevel.Error, "Auction {AuctionId} could not be closed; the guard tries again.")]
    private partial void Failed(Guid auctionId, Exception exception);
}

using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Auctions.Core;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace AuctionService.Closing;

/// <summary>
/// Closes the auctions whose end has come or that are bought, in three steps: Redis stops accepting bids, and its
/// pending entries are appended; the ledger appends the sealing entry, which names the winner; Redis is brought up to
/// date. The ledger alone makes the end. Redis comes first so that bids which it accepted in time are in the ledger
/// before the sealing entry. Without Redis these bids are lost, but nobody was told that they count.
/// <para>
/// Concurrency: <see cref="WaveRunner"/> runs one at a time in a process. Between processes, a claim in the ledger
/// (row locks, those of others are skipped) gives each auction to one of them. The calls to Redis of a claim run in
/// parallel; everything else is sequential. Each due auction whose row is locked has a task of its own.
/// </para>
/// <para>
/// Lifecycle: a call claims and closes until nothing is due, or nothing that is due can be closed now. If Postgres does
/// not answer, or the call is cancelled, it ends, and the claim with it; the next wave continues.
/// </para>
/// <para>
/// Invariants: anybody may repeat every step at any time; the ledger takes one sealing entry. The ledger's clock alone
/// says what is due, and when it seals; neither Redis' clock nor this process' can end an auction early or hold its end
/// back. Redis is stopped for an auction whose end a pending bid has moved, too: it gets the ledger's state again. A
/// fault of one auction does not keep the others open, and no wave waits for a row that another transaction has locked
/// (I10).
/// </para>
/// <para>
/// Bounds: a claim takes <see cref="AuctionOptions.ClosingsMax"/> (500) auctions and holds one connection to Postgres;
/// <see cref="RedisCallsMax"/> (64) calls to Redis are in flight.
/// </para>
/// </summary>
internal sealed class CloseAuctions(
    ILedgerWaves waves, ILedgerLifecycle lifecycle, IHotState hotState, Recovery recovery, WaveSchedule schedule,
    ClosingMetrics metrics, IOptions<AuctionOptions> options, TimeProvider timeProvider,
    ILogger<CloseAuctions> logger)
{
    /// <summary>They share one connection, so this many calls take few round trips.</summary>
    private const int RedisCallsMax = 64;

    /// <summary>Due auctions whose rows are locked. Each is sealed once its row is free; claims skip it.</summary>
    private readonly ConcurrentDictionary<Guid, bool> _busy = new();

    /// <summary>Due auctions that failed for another reason. Claims skip them for some time.</summary>
    private readonly PutAside _aside = new("closing", timeProvider, logger);

    /// <summary>Tries each auction once that is due, except those that are put aside.</summary>
    /// <exception cref="LedgerUnavailableException">The next wave closes the rest.</exception>
    public async Task CloseDueAsync(CancellationToken cancellationToken)
    {
        var tried = new HashSet<Guid>();
        while (true)
        {
            await using var claim = await waves.ClaimDueAsync(
                options.Value.ClosingsMax, [.. tried, .. _busy.Keys, .. _aside.Current()], cancellationToken);
            if (claim.AuctionIds.Count == 0) return;
            await CloseAsync(claim.AuctionIds, cancellationToken);
            tried.UnionWith(claim.AuctionIds);
        }
    }

    /// <summary>
    /// Closes these auctions together. If that fails, and not because of an outage, closes them one by one, so that the
    /// faulty one does not keep the others open.
    /// </summary>
    private async Task CloseAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken)
    {
        try
        {
            var stopped = await StopRedisAsync(auctionIds, cancellationToken);
            await SealAsync(stopped, cancellationToken);
        }
        catch (Exception fault) when (WaveRunner.IsOfOneAuction(fault, cancellationToken))
        {
            if (auctionIds.Count == 1) _aside.Failed(auctionIds[0], fault);
            else foreach (var id in auctionIds) await CloseAsync([id], cancellationToken);
        }
    }

    /// <summary>
    /// Step one: Redis accepts no more bids, and its pending entries are appended. Without Redis there is nothing to
    /// stop.
    /// </summary>
    private async Task<List<StoppedAuction>> StopRedisAsync(
        IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken)
    {
        var stopped = new ConcurrentBag<StoppedAuction>();
        var redisAnswers = true;
        await ForEachAsync(auctionIds, async id =>
        {
            if (!Volatile.Read(ref redisAnswers))
            {
                stopped.Add(StoppedAuction.WithoutRedis(id));
                return;
            }

            try
            {
                await hotState.SealAsync(id, cancellationToken);
                var hadConflict = await recovery.AppendPendingAsync(id, cancellationToken, waits: false);
                stopped.Add(new StoppedAuction(id, hadConflict, RedisAnswered: true));
            }
            catch (AuctionBusyException)
            {
                SealWhenFree(id, cancellationToken);
            }
            catch (HotStateUnavailableException fault)
            {
                // The first timeout is enough for all: the others need not wait for theirs.
                if (Interlocked.Exchange(ref redisAnswers, false))
                    logger.ClosingWithoutRedis(auctionIds.Count, fault.Message);
                stopped.Add(StoppedAuction.WithoutRedis(id));
            }
        }, cancellationToken);
        return [.. stopped];
    }

    /// <summary>Step two: the sealing entries, in one transaction.</summary>
    private async Task SealAsync(List<StoppedAuction> stopped, CancellationToken cancellationToken)
    {
        if (stopped.Count == 0) return;
        var results = await lifecycle.SealAsync(
            [.. stopped.Select(s => new SealRequest(s.Id, SealCause.Time))], cancellationToken);
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i].Outcome == SealOutcome.Busy) SealWhenFree(stopped[i].Id, cancellationToken);
        }

        await FinishAsync(stopped, results, cancellationToken);
    }

    /// <summary>Step three: reports what was sealed, and brings Redis up to date.</summary>
    private async Task FinishAsync(
        IReadOnlyList<StoppedAuction> stopped, IReadOnlyList<SealResult> results, CancellationToken cancellationToken)
    {
        var (count, latestUs) = (0, 0L);
        foreach (var (outcome, row) in results)
        {
            if (outcome == SealOutcome.NotYet) await schedule.AddAsync(row!.Stored.State.EndUs, cancellationToken);
            if (outcome != SealOutcome.Sealed) continue;
            var latenessUs = row!.DecidedUs - row.Stored.State.EndUs;
            metrics.Sealed(TimeSpan.FromMicroseconds(latenessUs));
            (count, latestUs) = (count + 1, Math.Max(latestUs, latenessUs));
            _aside.Succeeded(row.Id);
        }

        if (count > 0) logger.AuctionsSealed(count, latestUs / 1_000);
        await RefreshRedisAsync(
            [
                .. results.Index().Where(r => r.Item is { Auction: not null, Outcome: not SealOutcome.Busy })
                    .Select(r => (stopped[r.Index], r.Item.Auction)),
            ],
            cancellationToken);
    }

    /// <summary>
    /// Seals an auction as soon as the transaction ends that has locked its row. The wave does not wait for it.
    /// </summary>
    private void SealWhenFree(Guid auctionId, CancellationToken cancellationToken)
    {
        // It is added before the task begins, so that the task always removes it. Claims would leave it out for ever.
        if (!_busy.TryAdd(auctionId, true)) return;
        logger.AuctionLocked(auctionId);
        _ = SealWhenFreeAsync(auctionId, cancellationToken);
    }

    private async Task SealWhenFreeAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        await Task.Yield(); // the wave goes on
        try
        {
            while (true)
            {
                if (await TryStopAsync(auctionId, cancellationToken) is not { } stopped) continue;
                var result = await lifecycle.SealAsync(new SealRequest(auctionId, SealCause.Time), cancellationToken);
                if (result.Outcome == SealOutcome.Busy) continue;
                await FinishAsync([stopped], [result], cancellationToken);
                return;
            }
        }
        catch (LedgerUnavailableException)
        {
            // The next wave finds the auction again.
        }
        catch (Exception fault) when (WaveRunner.IsOfOneAuction(fault, cancellationToken))
        {
            _aside.Failed(auctionId, fault);
        }
        finally
        {
            _busy.TryRemove(auctionId, out _);
        }
    }

    /// <summary>Step one for one auction. Null if its row stays locked: nothing can be appended then.</summary>
    private async Task<StoppedAuction?> TryStopAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        try
        {
            await hotState.SealAsync(auctionId, cancellationToken);
            var hadConflict = await recovery.AppendPendingAsync(auctionId, cancellationToken);
            return new StoppedAuction(auctionId, hadConflict, RedisAnswered: true);
        }
        catch (AuctionBusyException)
        {
            return null;
        }
        catch (HotStateUnavailableException)
        {
            return StoppedAuction.WithoutRedis(auctionId);
        }
    }

    /// <summary>
    /// Step three, best effort: Redis does not have the sealing entry, so it drops the auction; or it is set to the
    /// ledger's state, if it still holds entries that the ledger did not take, or if the auction goes on because a
    /// pending bid has moved its end. If this fails, a conflict of the next bid leads to a hydration.
    /// </summary>
    private async Task RefreshRedisAsync(
        (StoppedAuction Stopped, AuctionRow? Row)[] auctions, CancellationToken cancellationToken)
    {
        try
        {
            var inRedis = auctions.Where(a => a.Stopped.RedisAnswered);
            await ForEachAsync(inRedis, async auction =>
            {
                var (stopped, row) = auction;
                if (row!.Fault is null && (stopped.HadConflict || !row.IsOver))
                {
                    await recovery.HydrateAsync(stopped.Id, cancellationToken);
                }
                else
                {
                    await hotState.DropIfBehindAsync(
                        stopped.Id, row.Stored.Version, row.Stored.EntryId, row.OutsideVersion, cancellationToken);
                }
            }, cancellationToken);
        }
        catch (Exception fault) when (fault is HotStateUnavailableException or AuctionBusyException)
        {
            logger.SealedAuctionsNotDropped(fault.Message);
        }
    }

    /// <summary>
    /// Runs the calls with at most <see cref="RedisCallsMax"/> in flight, on the caller's context: the simulation has
    /// only one thread. A fault of one call stops no other one.
    /// </summary>
    private static async Task ForEachAsync<T>(
        IEnumerable<T> items, Func<T, Task> call, CancellationToken cancellationToken)
    {
        using var places = new SemaphoreSlim(RedisCallsMax);
        await Task.WhenAll(items.Select(async item =>
        {
            await places.WaitAsync(cancellationToken);
            try
            {
                await call(item);
            }
            finally
            {
                places.Release();
            }
        }));
    }

    /// <summary>An auction after step one.</summary>
    /// <param name="HadConflict">Whether Redis held entries that the ledger did not take.</param>
    /// <param name="RedisAnswered">False if Redis did not answer.</param>
    private sealed record StoppedAuction(Guid Id, bool HadConflict, bool RedisAnswered)
    {
        public static StoppedAuction WithoutRedis(Guid id) => new(id, HadConflict: false, RedisAnswered: false);
    }
}

/// <summary>The metrics of closing: meter <c>Auctions.Closing</c>.</summary>
internal sealed class ClosingMetrics : IDisposable
{
    private readonly Meter _meter = new("Auctions.Closing");
    private readonly Counter<long> _sealed;
    private readonly Histogram<double> _lateness;

    public ClosingMetrics()
    {
        _sealed = _meter.CreateCounter<long>("auctions.sealed", "{auction}", "Auctions sealed at their end.");
        _lateness = _meter.CreateHistogram<double>("auctions.sealed.lateness", "s",
            "From the effective end to the time of the sealing entry, by the ledger's clock.");
    }

    public void Sealed(TimeSpan lateness)
    {
        _sealed.Add(1);
        _lateness.Record(lateness.TotalSeconds);
    }

    public void Dispose() => _meter.Dispose();
}

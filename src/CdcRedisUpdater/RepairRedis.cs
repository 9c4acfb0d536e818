using System.Collections.Concurrent;
using Auctions.Events;
using Auctions.Hosting;
using Auctions.HotState;

namespace CdcRedisUpdater;

/// <summary>The head of an auction's chain when its row changed: Redis is compared with it.</summary>
/// <param name="Version">The last entry's version.</param>
/// <param name="EntryId">The last entry's id.</param>
/// <param name="OutsideVersion">The version of the last entry that Redis did not propose.</param>
internal readonly record struct ChangedHead(Guid AuctionId, long Version, Guid EntryId, long OutsideVersion)
{
    /// <summary>Reads a row of the topic <see cref="KafkaTopics.Auctions"/>.</summary>
    /// <exception cref="MalformedEnvelopeException">
    /// A column is missing or has another type; the exception names it.
    /// </exception>
    public static ChangedHead Of(in EventRecord record)
    {
        long? version = null, outside = null;
        Guid? head = null;
        var row = record.Change.ReadAfter();
        while (row.Read())
        {
            if (row.Is("version"u8)) version = row.Int64();
            else if (row.Is("head"u8)) head = row.Uuid();
            else if (row.Is("outside_version"u8)) outside = row.Int64();
        }

        return new ChangedHead(
            record.AuctionId, version ?? throw Missing("version"), head ?? throw Missing("head"),
            outside ?? throw Missing("outside_version"));
    }

    private static MalformedEnvelopeException Missing(string column) => new($"after.{column}", "it is missing.");
}

/// <summary>
/// Keeps Redis right when Postgres changes by any path: Redis forgets each changed auction, unless it may have the
/// ledger's last entry. The next bid hydrates the auction. This never writes a state into Redis: a price that came with
/// an event is old when it arrives.
/// <para>Concurrency: called by <see cref="EventsToRedis"/> and <see cref="RedisRestartMonitor"/> at once. All auctions
/// of a call are checked at the same time.</para>
/// <para>Lifecycle: a call returns after Redis has answered for every auction. While Redis is away it tries again. An
/// auction that fails for another reason is put aside: a later call tries it again, and nobody waits for it.</para>
/// <para>Invariants: no auction of a call is passed over. Checking one twice does no harm.</para>
/// <para>Bounds: between two attempts it waits 100 ms at first, then twice as long each time, up to 5 s. At most
/// <see cref="PutAside.IdsMax"/> auctions are put aside.</para>
/// </summary>
internal sealed class RepairRedis(
    IHotState hotState, UpdaterMetrics metrics, TimeProvider timeProvider, ILogger<RepairRedis> logger)
{
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    private readonly PutAside _aside = new("repair", timeProvider, logger);

    /// <summary>The heads that were put aside.</summary>
    private readonly ConcurrentDictionary<Guid, ChangedHead> _failed = new();

    private bool _isRedisAway;

    /// <summary>Repairs the auctions of a batch of records.</summary>
    /// <exception cref="OperationCanceledException">Some may not be repaired; the records must come again.</exception>
    public async Task RepairAsync(IReadOnlyList<EventRecord> batch, CancellationToken cancellationToken)
    {
        await RepairAsync(LatestHeads(batch, SkipRow), cancellationToken);
        metrics.Processed(batch.Count);
    }

    /// <summary>Repairs auctions.</summary>
    /// <param name="heads">One head for each auction.</param>
    /// <exception cref="OperationCanceledException">Some may not be repaired.</exception>
    public async Task RepairAsync(IReadOnlyCollection<ChangedHead> heads, CancellationToken cancellationToken)
    {
        var backoff = BackoffMin;
        heads = [.. heads, .. TakeFailed(heads)];
        while (true)
        {
            heads = await TryRepairAsync(heads, cancellationToken);
            if (heads.Count == 0) break;
            metrics.Retried();
            await Task.Delay(backoff, timeProvider, cancellationToken);
            backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
        }

        if (_isRedisAway) logger.RedisBack();
        _isRedisAway = false;
    }

    /// <summary>
    /// The head with the highest version for each auction: as events may come again, the last one is not always the
    /// latest.
    /// </summary>
    /// <param name="skipRow">Called with each row that cannot be read.</param>
    internal static IReadOnlyCollection<ChangedHead> LatestHeads(
        IReadOnlyList<EventRecord> batch, Action<EventRecord, MalformedEnvelopeException> skipRow)
    {
        var latest = new Dictionary<Guid, ChangedHead>();
        foreach (var record in batch)
        {
            if (record.Kind != EventRecordKind.Change || record.Change.Operation == ChangeOperation.Delete) continue;
            try
            {
                var head = ChangedHead.Of(record);
                var isOlder = latest.TryGetValue(head.AuctionId, out var known) && known.Version > head.Version;
                if (!isOlder) latest[head.AuctionId] = head;
            }
            catch (MalformedEnvelopeException e)
            {
                skipRow(record, e);
            }
        }

        return latest.Values;
    }

    /// <summary>
    /// The heads that were put aside and may be tried again, unless a newer one of the auction comes.
    /// </summary>
    private List<ChangedHead> TakeFailed(IReadOnlyCollection<ChangedHead> coming)
    {
        if (_failed.IsEmpty) return [];
        foreach (var head in coming) _failed.TryRemove(head.AuctionId, out _);
        var due = _failed.Values.Where(head => !_aside.IsAside(head.AuctionId)).ToList();
        foreach (var head in due) _failed.TryRemove(head.AuctionId, out _);
        return due;
    }

    /// <returns>The heads for which Redis did not answer.</returns>
    private async Task<IReadOnlyCollection<ChangedHead>> TryRepairAsync(
        IReadOnlyCollection<ChangedHead> heads, CancellationToken cancellationToken)
    {
        // All calls at once: they share one connection, and travel in a few packets.
        var calls = heads.Select(head => (Head: head, Call: TryRepairAsync(head, cancellationToken))).ToList();
        var failed = new List<ChangedHead>();
        foreach (var (head, call) in calls)
        {
            if (!await call) failed.Add(head);
        }

        return failed;
    }

    private async Task<bool> TryRepairAsync(ChangedHead head, CancellationToken cancellationToken)
    {
        try
        {
            var isDropped = await hotState.DropIfBehindAsync(
                head.AuctionId, head.Version, head.EntryId, head.OutsideVersion, cancellationToken);
            _aside.Succeeded(head.AuctionId);
            if (!isDropped) return true;
            metrics.Dropped();
            logger.AuctionDropped(head.AuctionId, head.Version);
            return true;
        }
        catch (HotStateUnavailableException e)
        {
            if (!Interlocked.Exchange(ref _isRedisAway, true)) logger.RedisAway(e);
            return false;
        }
        catch (Exception fault) when (!cancellationToken.IsCancellationRequested)
        {
            _aside.Failed(head.AuctionId, fault);
            if (_failed.Count < PutAside.IdsMax || _failed.ContainsKey(head.AuctionId)) _failed[head.AuctionId] = head;
            return true;
        }
    }

    private void SkipRow(EventRecord record, MalformedEnvelopeException exception)
    {
        metrics.Malformed();
        logger.RowSkipped(record.AuctionId, record.Partition, record.Offset, exception);
    }
}

using Auctions.Events;
using Auctions.HotState;

namespace CdcRedisUpdater;

/// <summary>
/// Keeps Redis right when Postgres changes by any path: for each auction that changed, Redis forgets it unless it can have
/// the ledger's entry. The next bid hydrates it. Nothing is ever written into Redis from the feed: a price that
/// came through it is old when it arrives.
/// </summary>
/// <remarks>
/// A batch is done once every auction in it was looked at; only then is its place in the feed given up. While Redis is away the
/// batch is tried again, and nothing is passed by. Doing one twice does no harm.
/// </remarks>
internal sealed partial class RepairRedis(
    IHotState redis, UpdaterMetrics metrics, TimeProvider timeProvider, ILogger<RepairRedis> logger)
{
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(5);

    private bool _redisAway;

    /// <summary>Returns when Redis is right as far as these records tell.</summary>
    /// <exception cref="OperationCanceledException">It may be right or not; the records must come again.</exception>
    public async Task DoAsync(IReadOnlyList<EventRecord> batch, CancellationToken cancellationToken)
    {
        await DoAsync(Latest(batch, Skip), cancellationToken);
        metrics.Done(batch.Count);
    }

    /// <summary>Returns when Redis is right as far as these heads tell, each of an auction of its own.</summary>
    public async Task DoAsync(IReadOnlyCollection<ChangedHead> left, CancellationToken cancellationToken)
    {
        var backoff = BackoffMin;
        while (true)
        {
            left = await TryAsync(left, cancellationToken);
            if (left.Count == 0) break;
            metrics.Retried();
            await Task.Delay(backoff, timeProvider, cancellationToken);
            backoff = backoff * 2 < BackoffMax ? backoff * 2 : BackoffMax;
        }

        if (_redisAway) RedisBack();
        _redisAway = false;
    }

    /// <summary>One an auction, of the highest version: a feed that repeats itself may bring an older one last.</summary>
    /// <param name="skipped">Called for a row that cannot be read.</param>
    internal static IReadOnlyCollection<ChangedHead> Latest(
        IReadOnlyList<EventRecord> batch, Action<EventRecord, MalformedEnvelopeException> skipped)
    {
        var latest = new Dictionary<Guid, ChangedHead>();
        foreach (var record in batch)
        {
            if (record.Kind != EventRecordKind.Change || record.Change.Operation == ChangeOperation.Delete) continue;
            try
            {
                var head = ChangedHead.Of(record);
                if (!latest.TryGetValue(head.AuctionId, out var known) || known.Version <= head.Version) latest[head.AuctionId] = head;
            }
            catch (MalformedEnvelopeException e)
            {
                skipped(record, e);
            }
        }

        return latest.Values;
    }

    /// <returns>Those that could not be looked at.</returns>
    private async Task<IReadOnlyCollection<ChangedHead>> TryAsync(IReadOnlyCollection<ChangedHead> heads, CancellationToken cancellationToken)
    {
        // All at once: they share one connection, and go in a few packets.
        var looks = heads.Select(head => (Head: head, Looked: LookAsync(head, cancellationToken))).ToList();
        var failed = new List<ChangedHead>();
        foreach (var (head, looked) in looks)
        {
            if (!await looked) failed.Add(head);
        }

        return failed;
    }

    private async Task<bool> LookAsync(ChangedHead head, CancellationToken cancellationToken)
    {
        try
        {
            if (await redis.DropIfBehindAsync(head.AuctionId, head.Version, head.EntryId, head.OutsideVersion, cancellationToken))
            {
                metrics.Dropped();
                Dropped(head.AuctionId, head.Version);
            }

            return true;
        }
        catch (HotStateUnavailableException e)
        {
            if (!Interlocked.Exchange(ref _redisAway, true)) RedisAway(e);
            return false;
        }
    }

    private void Skip(EventRecord record, MalformedEnvelopeException exception)
    {
        metrics.Malformed();
        Skipped(record.AuctionId, record.Partition, record.Offset, exception);
    }

    [LoggerMessage(LogLevel.Information, "Redis did not have version {Version} of auction {AuctionId}, and was made to forget it.")]
    private partial void Dropped(Guid auctionId, long version);

    [LoggerMessage(LogLevel.Warning, "Redis does not answer; the feed waits for it.")]
    private partial void RedisAway(Exception exception);

    [LoggerMessage(LogLevel.Information, "Redis answers again.")]
    private partial void RedisBack();

    [LoggerMessage(LogLevel.Error, "A row of auction {AuctionId} cannot be read, and is skipped: partition {Partition}, offset {Offset}.")]
    private partial void Skipped(Guid auctionId, int partition, long offset, Exception exception);
}

using System.Collections.Concurrent;
using System.Threading.Channels;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// Group commit: one transaction appends all decisions that wait here to the ledger, and what arrives in the meantime
/// goes into the next one. When a transaction has committed, the lane reports on each bid to its
/// <see cref="DecidingQueue"/>.
/// <para>
/// Concurrency: any thread may enqueue. One loop is the only reader of the channel and owns <c>_kept</c>, so at most
/// one transaction of the lane is in flight. Reports run beside the loop, in one task for each commit, so the reports
/// of two commits may overlap. The loop writes <c>_isDown</c>, and everybody reads it. Each side lane has a loop of its
/// own.
/// </para>
/// <para>
/// Lifecycle: the loop starts with the lane and survives every fault. If Postgres does not answer, the loop tries the
/// same entries again until they are in the ledger, because they may have been committed. After
/// <see cref="CommitContext.CallerPatience"/> (2 s) the lane is down: its callers get OUTCOME_UNKNOWN, and new bids are
/// turned away before they are decided. It is back when all that it kept is committed (ADR 8).
/// <see cref="DisposeAsync"/> commits what is left and ends the loop; if Postgres does not answer then, it gives up,
/// and the entries stay pending in Redis for another instance.
/// </para>
/// <para>
/// Invariants: no bid is answered before its transaction has committed (I2). An auction's entries keep their order: an
/// auction always uses the same lane, what is kept is older than what is in the channel, and what a
/// <see cref="SideLane"/> has taken is older than both. Nothing about one auction holds up another: the bids of an
/// auction that is busy or early, and of each auction of a commit that fails, go on in a side lane (I10). Each bid gets
/// exactly one final report: answered, failed or conflict. At every await, each bid without a report is in the channel,
/// in <c>_kept</c>, in the loop's batch, in a side lane, or in the commit of a report that still runs.
/// </para>
/// <para>
/// Bounds: a transaction takes at most <see cref="BiddingOptions.CommitEntriesMax"/> (500) bids. The channel has no
/// bound of its own. It holds bids in flight, at most <see cref="BiddingOptions.InFlightMax"/> (20,000) in the process,
/// and bids of a lane that is down; each <see cref="DecidingQueue"/> bounds those of its auction.
/// </para>
/// </summary>
internal sealed class CommitLane : IAsyncDisposable
{
    private readonly Channel<CommitItem> _items =
        Channel.CreateUnbounded<CommitItem>(new() { SingleReader = true });

    /// <summary>While the lane is down: what the loop has taken out of the channel to tell its callers.</summary>
    private readonly Queue<CommitItem> _kept = new();

    private readonly ConcurrentDictionary<Guid, SideLane> _sideLanes = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CommitContext _context;
    private readonly int _entriesMax;
    private readonly Task _loop;
    private volatile bool _isDown;

    public CommitLane(CommitContext context, int entriesMax)
    {
        _context = context;
        _entriesMax = entriesMax;
        _loop = RunAsync();
    }

    /// <summary>Whether Postgres does not answer. Then no more bids may be decided for this lane.</summary>
    public bool IsDown => _isDown;

    /// <summary>
    /// Adds a decided bid, on which the queue will get a report. A lane that has stopped reports at once.
    /// </summary>
    public void Enqueue(DecidingQueue queue, BidTicket ticket)
    {
        if (!_items.Writer.TryWrite(new CommitItem(queue, ticket)))
            queue.Failed(ticket, new OutcomeUnknownException("The service is stopping."));
    }

    public async ValueTask DisposeAsync()
    {
        _items.Writer.TryComplete();
        await _stopping.CancelAsync();
        await _loop;
        await Task.WhenAll(_sideLanes.Values.Select(side => side.Loop));
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var batch = new List<CommitItem>(_entriesMax);
        while (_kept.Count > 0 || await _items.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < _entriesMax && (_kept.TryDequeue(out var item) || _items.Reader.TryRead(out item)))
            {
                if (!TryPutAside(item)) batch.Add(item);
            }

            try
            {
                if (batch.Count > 0) await CommitAsync(batch);
                if (_isDown && _kept.Count == 0) ComeBack();
            }
            catch (LedgerUnavailableException fault)
            {
                // The service is stopping.
                foreach (var item in batch) item.Queue.Failed(item.Ticket, OutcomeUnknownException.From(fault));
            }
            catch (Exception fault)
            {
                _context.Logger.CommitSplit(batch.Count, fault);
                foreach (var auction in batch.GroupBy(i => i.Ticket.AuctionId)) PutAside(auction, isEarly: false);
            }
        }
    }

    /// <summary>Appends the batch, however long Postgres takes to answer, and starts the reports.</summary>
    private async Task CommitAsync(List<CommitItem> batch)
    {
        var commit = new Commit(batch);
        var began = _context.TimeProvider.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await _context.WaitAsync(AppendAsync(commit), began, () => GoDown(batch));
                break;
            }
            catch (LedgerUnavailableException fault) when (!_stopping.IsCancellationRequested)
            {
                if (attempt == 1) _context.Logger.CommitRetried(commit.Bids.Count, fault.Message);
                if (_isDown) ReportLaneDown([]);
                await _context.DelayAsync(_stopping.Token);
            }
        }

        foreach (var auction in commit.Unfinished()) PutAside(auction, commit.Has(AppendOutcome.Early));
        _ = ReportAsync(commit);
        foreach (var versions in commit.AppendedVersions()) _context.PendingTrimmer.Add(versions.Key, versions);
    }

    private async Task AppendAsync(Commit commit)
    {
        var agesUs = commit.AgesUs(_context.TimeProvider);
        commit.Results = await _context.Ledger.AppendAsync(
            commit.Bids, commit.TakeFresh(), agesUs, CancellationToken.None);
        _context.Metrics.Appended(commit.Bids.Count);
    }

    /// <summary>Adds the bid to its auction's side lane; false if there is none.</summary>
    private bool TryPutAside(CommitItem item) =>
        !_sideLanes.IsEmpty && _sideLanes.TryGetValue(item.Ticket.AuctionId, out var side) && side.TryAdd([item]);

    /// <summary>The auction's bids, and all that follow them, go on in a side lane until it has none left.</summary>
    private void PutAside(IGrouping<Guid, CommitItem> bids, bool isEarly)
    {
        if (_sideLanes.TryGetValue(bids.Key, out var side) && side.TryAdd(bids)) return;
        _sideLanes[bids.Key] = new SideLane(bids, isEarly, _context, _entriesMax, Retire, _stopping.Token);

        void Retire(SideLane retired) => _sideLanes.TryRemove(KeyValuePair.Create(bids.Key, retired));
    }

    /// <summary>
    /// Reports one bid after the other, in one work item of the thread pool. A work item for each of some hundred bids
    /// would delay the next commit and the next decisions, which would have to queue behind them.
    /// </summary>
    private async Task ReportAsync(Commit commit)
    {
        await Task.Yield();
        _context.Report(commit, commit.Finished());
    }

    /// <summary>The callers' patience has ended: the lane is down, or still down.</summary>
    private void GoDown(List<CommitItem> batch)
    {
        if (_isDown)
        {
            ReportLaneDown([]);
            return;
        }

        _isDown = true;
        _context.Logger.LaneDown(CommitContext.CallerPatience.TotalMilliseconds);
        ReportLaneDown(batch);
    }

    private void ComeBack()
    {
        _isDown = false;
        _context.Logger.LaneBack();
    }

    /// <summary>
    /// Tells the callers of the batch, and of all that has arrived since, that their outcome is not known. What has
    /// arrived is kept for later commits.
    /// </summary>
    private void ReportLaneDown(List<CommitItem> batch)
    {
        foreach (var (queue, ticket) in batch) queue.LaneDown(ticket);
        while (_items.Reader.TryRead(out var item))
        {
            item.Queue.LaneDown(item.Ticket);
            _kept.Enqueue(item);
        }
    }
}

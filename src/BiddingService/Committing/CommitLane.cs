using System.Threading.Channels;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>What all lanes share.</summary>
internal sealed record CommitContext(
    ILedger Ledger, Recovery Recovery, PendingTrimmer PendingTrimmer, BiddingMetrics Metrics, TimeProvider TimeProvider,
    ILogger Logger);

/// <summary>
/// Group commit: one transaction appends all decisions that wait here to the ledger, and what arrives in the meantime
/// goes into the next one. When a transaction has committed, the lane reports on each bid to its
/// <see cref="DecidingQueue"/>.
/// <para>
/// Concurrency: any thread may enqueue. One loop is the only reader of the channel and owns <c>_kept</c>, so at most
/// one transaction of the lane is in flight. Reports run beside the loop, in one task for each commit, so the reports
/// of two commits may overlap. The loop writes <c>_isDown</c>, and everybody reads it.
/// </para>
/// <para>
/// Lifecycle: the loop starts with the lane and survives every fault. If Postgres does not answer, the loop tries the
/// same entries again until they are in the ledger, because they may have been committed. After
/// <see cref="CallerPatience"/> (2 s) the lane is down: its callers get OUTCOME_UNKNOWN, and new bids are turned away
/// before they are decided. It is back when all that it kept is committed (ADR 8). <see cref="DisposeAsync"/> commits
/// what is left and ends the loop; if Postgres does not answer then, it gives up, and the entries stay pending in Redis
/// for another instance.
/// </para>
/// <para>
/// Invariants: no bid is answered before its transaction has committed (I2). An auction's entries keep their order: an
/// auction always uses the same lane, and what is kept is older than what is in the channel. Each bid gets exactly one
/// final report: answered, failed or conflict. At every await, each bid without a report is in the channel, in
/// <c>_kept</c>, in the loop's batch, or in the commit of a report that still runs.
/// </para>
/// <para>
/// Bounds: a transaction takes at most <see cref="BiddingOptions.CommitEntriesMax"/> (500) bids. The channel has no
/// bound of its own. It holds bids in flight, at most <see cref="BiddingOptions.InFlightMax"/> (20,000) in the process,
/// and bids whose callers have gone; each <see cref="DecidingQueue"/> bounds those of its auction. Between two attempts
/// to reach Postgres the lane waits <see cref="RetryDelay"/> (100 ms).
/// </para>
/// </summary>
internal sealed class CommitLane : IAsyncDisposable
{
    /// <summary>How long callers wait for a Postgres that does not answer.</summary>
    private static readonly TimeSpan CallerPatience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private const ConfigureAwaitOptions NoThrow =
        ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext;

    private readonly Channel<Item> _items = Channel.CreateUnbounded<Item>(new() { SingleReader = true });

    /// <summary>While the lane is down: what the loop has taken out of the channel to tell its callers.</summary>
    private readonly Queue<Item> _kept = new();

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

    /// <summary>Adds a decided bid, on which the queue will get a report.</summary>
    public void Enqueue(DecidingQueue queue, BidTicket ticket) => _items.Writer.TryWrite(new Item(queue, ticket, null));

    /// <summary>
    /// Completes when all bids that were added before are committed or have failed, or the lane is down.
    /// </summary>
    public Task FlushAsync()
    {
        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _items.Writer.TryWrite(new Item(null, null, flushed));
        return flushed.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _items.Writer.TryComplete();
        await _stopping.CancelAsync();
        await _loop;
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var batch = new List<Item>(_entriesMax);
        while (_kept.Count > 0 || await _items.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < _entriesMax && (_kept.TryDequeue(out var item) || _items.Reader.TryRead(out item)))
                batch.Add(item);
            try
            {
                await CommitAsync(batch);
                if (_isDown && _kept.Count == 0) ComeBack();
            }
            catch (Exception fault)
            {
                _context.Logger.CommitFailed(batch.Count, fault);
                foreach (var item in batch) item.Queue?.Failed(item.Ticket!, OutcomeUnknownException.From(fault));
            }

            foreach (var item in batch) item.Flushed?.TrySetResult();
        }
    }

    /// <summary>Appends the batch, however long Postgres takes to answer, and starts the reports.</summary>
    private async Task CommitAsync(List<Item> batch)
    {
        var commit = new Commit(batch);
        var began = _context.TimeProvider.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await WaitForAsync(AppendAllAsync(commit), began, batch);
                break;
            }
            catch (LedgerUnavailableException fault) when (!_stopping.IsCancellationRequested)
            {
                if (attempt == 1) _context.Logger.CommitRetried(commit.Bids.Count, fault.Message);
                if (_isDown) ReportLaneDown([]);
                await Task.Delay(RetryDelay, _context.TimeProvider, _stopping.Token).ConfigureAwait(NoThrow);
            }
        }

        _ = ReportAsync(commit);
        foreach (var versions in commit.AppendedVersions()) _context.PendingTrimmer.Add(versions.Key, versions);
    }

    /// <summary>
    /// Waits for an attempt until it ends. If the callers' patience ends first, the lane goes down and the wait goes
    /// on.
    /// </summary>
    private async Task WaitForAsync(Task attempt, long began, List<Item> batch)
    {
        if (!_isDown)
        {
            var left = CallerPatience - _context.TimeProvider.GetElapsedTime(began);
            if (left > TimeSpan.Zero) await attempt.WaitAsync(left, _context.TimeProvider).ConfigureAwait(NoThrow);
            if (!attempt.IsCompleted) GoDown(batch);
        }

        await attempt;
    }

    /// <summary>
    /// Appends the bids. A bid is early if another instance decided its predecessor and has not appended it yet. Then
    /// this instance appends the auction's pending entries for it, and all bids again; that changes nothing for those
    /// that are in the ledger.
    /// </summary>
    private async Task AppendAllAsync(Commit commit)
    {
        await AppendAsync(commit);
        var early = commit.AuctionsWith(AppendOutcome.Early);
        if (early.Count == 0) return;
        foreach (var auctionId in early) await AppendPendingAsync(auctionId);
        await AppendAsync(commit);
    }

    private async Task AppendAsync(Commit commit)
    {
        commit.Results = await _context.Ledger.AppendAsync(commit.Bids, commit.TakeFresh(), CancellationToken.None);
        _context.Metrics.Appended(commit.Bids.Count);
    }

    /// <summary>Without Redis the predecessors cannot be found, and the early bids count as conflicts.</summary>
    private async Task AppendPendingAsync(Guid auctionId)
    {
        try
        {
            await _context.Recovery.AppendPendingAsync(auctionId, CancellationToken.None);
        }
        catch (HotStateUnavailableException fault)
        {
            _context.Logger.PendingUnreadable(auctionId, fault.Message);
        }
    }

    /// <summary>
    /// Reports one bid after the other, in one work item of the thread pool. A work item for each of some hundred bids
    /// would delay the next commit and the next decisions, which would have to queue behind them.
    /// </summary>
    private async Task ReportAsync(Commit commit)
    {
        await Task.Yield();
        try
        {
            commit.Report();
        }
        catch (Exception fault)
        {
            _context.Logger.CommitFailed(commit.Items.Count, fault);
            foreach (var item in commit.Items.Where(i => !i.Ticket!.IsCompleted))
                item.Queue!.Failed(item.Ticket!, OutcomeUnknownException.From(fault));
        }
    }

    private void GoDown(List<Item> batch)
    {
        _isDown = true;
        _context.Logger.LaneDown(CallerPatience.TotalMilliseconds);
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
    private void ReportLaneDown(List<Item> batch)
    {
        foreach (var item in batch) Tell(item);
        while (_items.Reader.TryRead(out var item))
        {
            Tell(item);
            _kept.Enqueue(item);
        }

        static void Tell(Item item)
        {
            item.Queue?.LaneDown(item.Ticket!);
            item.Flushed?.TrySetResult();
        }
    }

    /// <summary>A decided bid with its queue, or a mark of <see cref="FlushAsync"/>.</summary>
    internal readonly record struct Item(DecidingQueue? Queue, BidTicket? Ticket, TaskCompletionSource? Flushed);
}

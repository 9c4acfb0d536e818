using System.Threading.Channels;
using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>What every lane needs.</summary>
internal sealed record CommitParts(
    ILedger Ledger, PendingTrimmer PendingTrimmer, Recovery Recovery, BiddingMetrics Metrics, TimeProvider Time, ILogger<CommitLane> Log);

/// <summary>
/// One line to the ledger: all that waits goes in one transaction, in the order in which it came, and while that commits the next waits. An
/// auction always takes the same lane, so its entries keep their order. Nothing is answered before its commit.
/// </summary>
/// <remarks>
/// Without Postgres the lane keeps what it has and tries again until it is in: it was decided, and may have been committed. Callers are told
/// after <see cref="Patience"/> that the outcome is unknown, and the lane is down: it takes nothing new until all that it kept is in.
/// </remarks>
internal sealed partial class CommitLane : IAsyncDisposable
{
    /// <summary>How long callers wait for a Postgres that does not answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(100);

    private const ConfigureAwaitOptions Quietly = ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext;

    private readonly Channel<Item> _items = Channel.CreateUnbounded<Item>(new() { SingleReader = true });
    private readonly Queue<Item> _kept = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CommitParts _parts;
    private readonly int _entriesMax;
    private readonly Task _loop;
    private volatile bool _isDown;

    public CommitLane(CommitParts parts, int entriesMax)
    {
        _parts = parts;
        _entriesMax = entriesMax;
        _loop = RunAsync();
    }

    /// <summary>Whether Postgres does not answer: nothing more is to be decided for this lane.</summary>
    public bool IsDown => _isDown;

    /// <summary>Adds a decided bid; the queue gets the report. What may wait here is bounded by the bids in flight.</summary>
    public void Enqueue(DecidingQueue queue, BidTicket ticket) => _items.Writer.TryWrite(new Item(queue, ticket, null));

    /// <summary>Done when all that was added before has been committed or given up, or Postgres does not answer.</summary>
    public Task PassedAsync()
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _items.Writer.TryWrite(new Item(null, null, passed));
        return passed.Task;
    }

    /// <summary>Commits what it has; gives up at once where Postgres does not answer: what is pending in Redis is then found by others.</summary>
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
            while (batch.Count < _entriesMax && (_kept.TryDequeue(out var item) || _items.Reader.TryRead(out item))) batch.Add(item);
            try
            {
                await CommitAsync(batch);
                if (_isDown && _kept.Count == 0) ComeBack();
            }
            catch (Exception fault)
            {
                LogFault(_parts.Log, batch.Count, fault);
                foreach (var item in batch) item.Queue?.Failed(item.Ticket!, FaultOf(fault));
            }

            foreach (var item in batch) item.Passed?.TrySetResult();
        }
    }

    /// <summary>Persists, however long it takes, and reports.</summary>
    private async Task CommitAsync(List<Item> batch)
    {
        var commit = new Commit(batch);
        var began = _parts.Time.GetTimestamp();
        for (var tries = 1; ; tries++)
        {
            try
            {
                await PatientlyAsync(PersistAsync(commit), began, batch);
                break;
            }
            catch (LedgerUnavailableException fault) when (!_stopping.IsCancellationRequested)
            {
                // The same entries again: those that did get in are already there.
                if (tries == 1) LogTryAgain(_parts.Log, commit.Bids.Count, fault.Message);
                if (_isDown) TellWaiting([]);
                await Task.Delay(TryAgainAfter, _parts.Time, _stopping.Token).ConfigureAwait(Quietly);
            }
        }

        _ = ReportAsync(commit);
        foreach (var entries in commit.Recorded()) _parts.PendingTrimmer.Add(entries.Key, entries);
    }

    /// <summary>
    /// Answers one after the other, beside the lane and in one piece of work: some hundred in the pool's queue would keep the next commit, and
    /// the next decisions, waiting behind them.
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
            LogFault(_parts.Log, commit.Items.Count, fault);
            foreach (var item in commit.Items.Where(i => !i.Ticket!.IsOver)) item.Queue!.Failed(item.Ticket!, FaultOf(fault));
        }
    }

    /// <summary>Waits for an attempt to its end, and lets the callers go when their patience is over.</summary>
    private async Task PatientlyAsync(Task attempt, long began, List<Item> batch)
    {
        if (!_isDown)
        {
            var left = Patience - _parts.Time.GetElapsedTime(began);
            if (left > TimeSpan.Zero) await attempt.WaitAsync(left, _parts.Time).ConfigureAwait(Quietly);
            if (!attempt.IsCompleted) GoDown(batch);
        }

        await attempt;
    }

    /// <summary>Appends, and completes what came early from what is pending.</summary>
    private async Task PersistAsync(Commit commit)
    {
        await AppendAsync(commit);
        var early = commit.Auctions(AppendOutcome.Early);
        if (early.Count == 0) return;
        foreach (var auctionId in early) await CompleteAsync(auctionId);
        await AppendAsync(commit);
    }

    private async Task AppendAsync(Commit commit)
    {
        commit.Results = await _parts.Ledger.AppendAsync(commit.Bids, commit.TakeFresh(), CancellationToken.None);
        _parts.Metrics.Committed(commit.Bids.Count);
    }

    private void GoDown(List<Item> batch)
    {
        _isDown = true;
        LogDown(_parts.Log, Patience.TotalMilliseconds);
        TellWaiting(batch);
    }

    private void ComeBack()
    {
        _isDown = false;
        LogBack(_parts.Log);
    }

    /// <summary>Tells the callers of these, and of what has come since, that nothing is known; keeps what has come.</summary>
    private void TellWaiting(List<Item> batch)
    {
        foreach (var item in batch) Tell(item);
        while (_items.Reader.TryRead(out var item))
        {
            Tell(item);
            _kept.Enqueue(item);
        }

        static void Tell(Item item)
        {
            item.Queue?.Unknown(item.Ticket!);
            item.Passed?.TrySetResult();
        }
    }

    /// <summary>Another instance decided what comes before: it is appended for it. Without Redis the bids count as refused.</summary>
    private async Task CompleteAsync(Guid auctionId)
    {
        try
        {
            await _parts.Recovery.AppendPendingAsync(auctionId, CancellationToken.None);
        }
        catch (HotStateUnavailableException fault)
        {
            LogNoPending(_parts.Log, auctionId, fault.Message);
        }
    }

    private static Exception FaultOf(Exception fault) =>
        fault is LedgerUnavailableException ? new OutcomeUnknownException("Postgres does not answer.", fault) : fault;

    [LoggerMessage(LogLevel.Error, "A commit of {Bids} bids failed; their outcome is not known")]
    private static partial void LogFault(ILogger logger, int bids, Exception fault);

    [LoggerMessage(LogLevel.Warning, "A commit of {Bids} bids is tried again, Postgres does not answer: {Reason}")]
    private static partial void LogTryAgain(ILogger logger, int bids, string reason);

    [LoggerMessage(LogLevel.Error, "A lane is down, Postgres has not answered for {Milliseconds} ms: nothing is decided until it does")]
    private static partial void LogDown(ILogger logger, double milliseconds);

    [LoggerMessage(LogLevel.Warning, "A lane is back: all that it kept is in the ledger")]
    private static partial void LogBack(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Auction {AuctionId}: what is pending cannot be read: {Reason}")]
    private static partial void LogNoPending(ILogger logger, Guid auctionId, string reason);

    /// <summary>A decided bid, or a mark that the lane has come this far.</summary>
    internal readonly record struct Item(DecidingQueue? Queue, BidTicket? Ticket, TaskCompletionSource? Passed);
}

using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// The commits of one auction that its <see cref="CommitLane"/> could not finish at once, so that the lane goes on with
/// the others. Either the auction is busy: another transaction holds its row. Or its bids are early: another instance
/// decided their predecessors and has not appended them yet, so this one appends the auction's pending entries first.
/// <para>
/// Concurrency: any thread may add. One loop, and so one transaction of the auction at a time; <c>_lock</c> guards
/// <c>_waiting</c> and <c>_retired</c>.
/// </para>
/// <para>
/// Lifecycle: the loop starts with the first bids, and ends when none is left. Then the auction's bids use the lane
/// again. After <see cref="CommitContext.CallerPatience"/> (2 s) without a commit the side lane is down: its callers
/// get OUTCOME_UNKNOWN, the auction's undecided bids fail, and new ones are turned away (AUCTION_BUSY) until all that
/// it kept is committed. When the process stops it gives up, and the entries stay pending in Redis.
/// </para>
/// <para>
/// Invariants: those of the lane. All bids of the auction that arrive while it exists go behind those that are here.
/// </para>
/// <para>
/// Bounds: a transaction takes as many bids as one of the lane. While it is down it keeps <see cref="KeptMax"/> (256)
/// decided bids; those beyond are dropped, and their entries stay pending in Redis, like those of a service that died.
/// <see cref="RowLocks"/> bounds the connections of all side lanes.
/// </para>
/// </summary>
internal sealed class SideLane
{
    private const int KeptMax = 256;

    private readonly Lock _lock = new();
    private readonly Queue<CommitItem> _waiting = new();
    private readonly List<CommitItem> _batch = [];
    private readonly Guid _auctionId;
    private readonly CommitContext _context;
    private readonly int _entriesMax;
    private readonly Action<SideLane> _retire;
    private readonly CancellationToken _stopping;

    /// <summary>When the last commit ended, or the side lane began: callers wait since then at the most.</summary>
    private long _began;

    /// <summary>Whether the next commit begins with the auction's pending entries.</summary>
    private bool _isEarly;

    private bool _isDown;
    private bool _retired;

    /// <param name="bids">Of one auction, in order.</param>
    /// <param name="isEarly">Whether a predecessor of the bids may be pending in Redis.</param>
    public SideLane(
        IGrouping<Guid, CommitItem> bids, bool isEarly, CommitContext context, int entriesMax,
        Action<SideLane> retire, CancellationToken stopping)
    {
        (_auctionId, _isEarly, _context, _entriesMax) = (bids.Key, isEarly, context, entriesMax);
        (_retire, _stopping) = (retire, stopping);
        foreach (var bid in bids) _waiting.Enqueue(bid);
        _began = context.TimeProvider.GetTimestamp();
        Loop = RunAsync();
    }

    public Task Loop { get; }

    /// <summary>Adds bids of the auction.</summary>
    /// <returns>False if the side lane has none left and has ended.</returns>
    public bool TryAdd(IEnumerable<CommitItem> bids)
    {
        lock (_lock)
        {
            if (_retired) return false;
            foreach (var bid in bids) _waiting.Enqueue(bid);
        }

        return true;
    }

    private async Task RunAsync()
    {
        await Task.Yield(); // the lane goes on
        while (TakeBatch())
        {
            try
            {
                await CommitAsync();
            }
            catch (Exception fault)
            {
                if (fault is not LedgerUnavailableException and not AuctionBusyException)
                    _context.Logger.CommitFailed(_auctionId, _batch.Count, fault);
                foreach (var (queue, ticket) in _batch) queue.Failed(ticket, OutcomeUnknownException.From(fault));
            }
        }
    }

    private bool TakeBatch()
    {
        lock (_lock)
        {
            _batch.Clear();
            while (_batch.Count < _entriesMax && _waiting.TryDequeue(out var item)) _batch.Add(item);
            if (_batch.Count > 0) return true;
            _retired = true;
            _retire(this);
            return false;
        }
    }

    private async Task CommitAsync()
    {
        var commit = new Commit(_batch);
        await AppendAsync(commit);
        _began = _context.TimeProvider.GetTimestamp();
        foreach (var versions in commit.AppendedVersions()) _context.PendingTrimmer.Add(versions.Key, versions);
        if (_isDown) ComeBack();
        _context.Report(commit, commit.Items);
    }

    /// <summary>Tries until the ledger has a result for every bid.</summary>
    /// <exception cref="LedgerUnavailableException">The service is stopping.</exception>
    /// <exception cref="AuctionBusyException">The service is stopping.</exception>
    private async Task AppendAsync(Commit commit)
    {
        for (var isCompleted = false; ;)
        {
            try
            {
                if (_isEarly)
                {
                    await _context.WaitAsync(AppendPendingAsync(), _began, GoDown);
                    (_isEarly, isCompleted) = (false, true);
                }

                await _context.WaitAsync(AppendOnceAsync(commit), _began, GoDown);
                if (isCompleted || !commit.Has(AppendOutcome.Early)) return;
                _isEarly = true;
            }
            catch (AuctionBusyException) when (!_stopping.IsCancellationRequested)
            {
                _context.Metrics.Busy();
            }
            catch (LedgerUnavailableException) when (!_stopping.IsCancellationRequested)
            {
                await _context.DelayAsync(_stopping);
            }
        }
    }

    private async Task AppendOnceAsync(Commit commit)
    {
        commit.Results = await _context.Ledger.AppendWaitingAsync(
            commit.Bids, commit.AgesUs(_context.TimeProvider), CancellationToken.None);
        if (commit.Has(AppendOutcome.Busy)) throw new AuctionBusyException(_auctionId);
        _context.Metrics.Appended(commit.Bids.Count);
    }

    /// <summary>Without Redis the predecessors cannot be found, and the early bids count as conflicts.</summary>
    private async Task AppendPendingAsync()
    {
        try
        {
            await _context.Recovery.AppendPendingAsync(_auctionId, CancellationToken.None);
        }
        catch (HotStateUnavailableException fault)
        {
            _context.Logger.PendingUnreadable(_auctionId, fault.Message);
        }
    }

    /// <summary>
    /// The callers' patience has ended: tells those whose bids are here, and drops the bids that are too many. Called
    /// again while the side lane is down, for what arrived since.
    /// </summary>
    private void GoDown()
    {
        if (!_isDown)
        {
            _context.Logger.AuctionBusy(_auctionId, CommitContext.CallerPatience.TotalMilliseconds);
            foreach (var (queue, ticket) in _batch) queue.AuctionBusy(ticket);
        }

        _isDown = true;
        CommitItem[] arrived;
        lock (_lock)
        {
            arrived = [.. _waiting];
            _waiting.Clear();
            foreach (var item in arrived.Take(Math.Max(0, KeptMax - _batch.Count))) _waiting.Enqueue(item);
        }

        foreach (var (queue, ticket) in arrived) queue.AuctionBusy(ticket);
        foreach (var (queue, ticket) in arrived.Skip(Math.Max(0, KeptMax - _batch.Count))) queue.Dropped(ticket);
    }

    private void ComeBack()
    {
        _isDown = false;
        _context.Logger.AuctionFree(_auctionId);
        foreach (var queue in _batch.Select(item => item.Queue).Distinct()) queue.AuctionFree();
    }
}

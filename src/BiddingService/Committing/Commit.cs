using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// The content of one transaction, and its results: every decision once, an auction's decisions in version order, and
/// the tickets that wait for each of them.
/// </summary>
internal sealed class Commit
{
    private readonly List<CommitItem> _items;
    private readonly List<DecidedBid> _bids;
    private readonly long[] _began;
    private readonly Dictionary<Guid, int> _indexOf = [];
    private bool[] _fresh;

    /// <remarks>
    /// Several calls with one key may wait for the same decision; the one that made it came first, so its ticket stands
    /// for all. A replayed decision may have a lower version than its neighbours, so they are sorted.
    /// </remarks>
    public Commit(IEnumerable<CommitItem> items)
    {
        _items = [.. items];
        BidTicket[] decisions = [.. _items.Select(i => i.Ticket).DistinctBy(t => t.Decided!.Id)];
        Array.Sort(decisions, (a, b) => Order(a.Decided!).CompareTo(Order(b.Decided!)));
        _bids = [.. decisions.Select(t => t.Decided!)];
        _fresh = [.. decisions.Select(t => !t.IsReplay)];
        _began = [.. decisions.Select(t => t.Began)];
        for (var i = 0; i < _bids.Count; i++) _indexOf[_bids[i].Id] = i;

        // A rejected bid has the version of the entry on which it rests, and comes after that entry.
        static (Guid, long, bool) Order(DecidedBid bid) => (bid.AuctionId, bid.Version, !bid.Accepted);
    }

    public IReadOnlyList<CommitItem> Items => _items;

    public IReadOnlyList<DecidedBid> Bids => _bids;

    /// <summary>One for each of <see cref="Bids"/>, in order.</summary>
    public AppendResult[] Results { get; set; } = [];

    /// <summary>
    /// For each of <see cref="Bids"/>, whether the ledger cannot know it yet (ADR 9). Empty from the second call on,
    /// because the bids have been sent by then.
    /// </summary>
    public bool[] TakeFresh()
    {
        var fresh = _fresh;
        _fresh = [];
        return fresh;
    }

    /// <summary>
    /// For each of <see cref="Bids"/>, how long ago the call began, in microseconds. If it is an earlier answer to the
    /// key, the call that repeats it stands for it: an answer that was right during that call is right for the key.
    /// </summary>
    public long[] AgesUs(TimeProvider timeProvider)
    {
        var now = timeProvider.GetTimestamp();
        return Array.ConvertAll(_began, began => (long)timeProvider.GetElapsedTime(began, now).TotalMicroseconds);
    }

    /// <summary>Whether a bid had this result.</summary>
    public bool Has(AppendOutcome outcome) => Results.Any(r => r.Outcome == outcome);

    /// <summary>The items whose bids are early or busy, by auction.</summary>
    public IEnumerable<IGrouping<Guid, CommitItem>> Unfinished() =>
        _items.Where(i => !IsFinished(i)).GroupBy(i => i.Ticket.AuctionId);

    /// <summary>The versions of the entries that are in the ledger now, by auction.</summary>
    public IEnumerable<IGrouping<Guid, long>> AppendedVersions() =>
        _bids.Where((b, i) => b.Accepted && Results[i].Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere)
            .GroupBy(b => b.AuctionId, b => b.Version);

    /// <summary>The items whose bids are neither early nor busy.</summary>
    public IEnumerable<CommitItem> Finished() => _items.Where(IsFinished);

    /// <summary>
    /// Reports a bid's result to its queue. A bid that is early has a predecessor that nobody can append: that is a
    /// conflict too.
    /// </summary>
    public void Report(CommitItem item)
    {
        var result = ResultOf(item);
        if (result.Answer is { } answer) item.Queue.Answered(item.Ticket, answer);
        else item.Queue.Conflicted(item.Ticket, wasAhead: result.Outcome == AppendOutcome.Ahead);
    }

    private bool IsFinished(CommitItem item) =>
        ResultOf(item).Outcome is not (AppendOutcome.Early or AppendOutcome.Busy);

    private AppendResult ResultOf(CommitItem item) => Results[_indexOf[item.Ticket.Decided!.Id]];
}

/// <summary>A decided bid, and the queue that gets the report on it.</summary>
internal readonly record struct CommitItem(DecidingQueue Queue, BidTicket Ticket);

/// <summary>What all lanes share.</summary>
internal sealed record CommitContext(
    ILedger Ledger, Recovery Recovery, PendingTrimmer PendingTrimmer, BiddingMetrics Metrics, TimeProvider TimeProvider,
    ILogger Logger)
{
    /// <summary>How long callers wait for a Postgres that does not answer, or for an auction that is busy.</summary>
    public static readonly TimeSpan CallerPatience = TimeSpan.FromSeconds(2);

    /// <summary>Between two attempts to reach Postgres.</summary>
    public static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    /// <summary>Reports the results of these bids. If one cannot be reported, the others still are.</summary>
    public void Report(Commit commit, IEnumerable<CommitItem> items)
    {
        foreach (var item in items)
        {
            try
            {
                commit.Report(item);
            }
            catch (Exception defect)
            {
                Logger.ReportFailed(item.Ticket.AuctionId, defect);
                item.Queue.Failed(item.Ticket, OutcomeUnknownException.From(defect));
            }
        }
    }

    /// <summary>
    /// Waits for an attempt until it ends. Each time that the callers' patience ends, it says so, and the wait goes on.
    /// </summary>
    /// <param name="began">When the callers began to wait, as a timestamp of the time provider.</param>
    public async Task WaitAsync(Task attempt, long began, Action patienceEnds)
    {
        while (!attempt.IsCompleted)
        {
            var left = CallerPatience - TimeProvider.GetElapsedTime(began);
            if (left < TimeSpan.FromMilliseconds(1)) // a timer counts whole milliseconds
            {
                patienceEnds();
                left = RetryDelay;
            }

            await attempt.WaitAsync(left, TimeProvider).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        await attempt;
    }

    /// <summary>Waits before the next attempt to reach Postgres.</summary>
    public async Task DelayAsync(CancellationToken stopping) =>
        await Task.Delay(RetryDelay, TimeProvider, stopping).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}

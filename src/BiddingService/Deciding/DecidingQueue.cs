using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>What all queues share.</summary>
internal sealed record DecidingContext(
    IHotState HotState, LedgerDecider LedgerDecider, Recovery Recovery, MissingAuctions Missing, BiddingMetrics Metrics,
    ILogger Logger);

/// <summary>
/// The bids of one auction that wait for a decision. One call to Redis decides all of them, in order of arrival, and
/// the decisions go to the auction's lane. The lane reports back on each bid: it is answered; it failed; or its
/// decision was a conflict, and it waits here again. While Redis does not answer, bids are decided on the ledger's head
/// instead.
/// <para>
/// Concurrency: one loop decides, so at most one call to Redis is in flight for an auction and process. Callers enqueue
/// and the lane reports on any thread; <c>_lock</c> guards all fields except <c>_batch</c>, which belongs to the loop,
/// and the flag <c>_hydrateFirst</c>. Tickets are completed outside the lock, because that runs the caller's code.
/// </para>
/// <para>
/// Lifecycle: <see cref="PlaceBid"/> creates the queue with the first bid of an auction. The loop runs on the thread
/// that makes a call due, and ends when no call is due. With its last answer the queue retires: it leaves PlaceBid's
/// dictionary and takes no more bids. Nothing cancels it. When the process stops, the lane drops what is decided too
/// late; it stays pending in Redis, and the <see cref="Sweep"/> of another instance appends it.
/// </para>
/// <para>
/// Invariants: at every await, each unanswered bid belongs to exactly one of <c>_waiting</c>, <c>_batch</c> (until it
/// is decided) and the lane. <c>_unanswered</c> counts all of them, <c>_inLane</c> those in the lane. Decisions reach
/// the lane in the order in which they were made: the loop enqueues all decisions of a call before it makes the next
/// call. No decision is an answer yet: the ledger has the last word. A decision in Redis that the rules do not make
/// never reaches the lane.
/// </para>
/// <para>
/// Bounds: <see cref="BiddingOptions.WaitingPerAuctionMax"/> (8,192) bids wait; bids that return after a conflict come
/// on top. A call takes at most <see cref="BiddingOptions.DecideBidsMax"/> (256). It is due when at least as many bids
/// wait as are in the lane (ADR 11), and fewer than two commits' worth of them (2 x
/// <see cref="BiddingOptions.CommitEntriesMax"/>, 1,000) are in the lane. So a hot auction waits here and does not
/// delay the other auctions of its lane. After <see cref="AttemptsMax"/> (30) attempts a bid fails.
/// </para>
/// </summary>
internal sealed class DecidingQueue(
    Guid auctionId, CommitLane lane, BiddingOptions options, DecidingContext context, Action<DecidingQueue> retire)
{
    /// <summary>Decisions of one bid that may end in conflicts before the caller gets OUTCOME_UNKNOWN.</summary>
    private const int AttemptsMax = 30;

    private readonly Lock _lock = new();
    private readonly Queue<BidTicket> _waiting = new();
    private readonly List<BidTicket> _batch = [];
    private readonly int _inLaneMax = 2 * options.CommitEntriesMax;

    /// <summary>Bids that wait, are in the batch, or are in the lane.</summary>
    private int _unanswered;

    /// <summary>Decided bids on which the lane has not reported.</summary>
    private int _inLane;

    /// <summary>
    /// Ends when no decided bid is in the lane, or fails if the lane is down or the auction busy. Null if nobody waits.
    /// </summary>
    private TaskCompletionSource? _laneEmpty;

    private bool _running;
    private bool _retired;

    /// <summary>Whether the auction's row has been locked for longer than callers wait.</summary>
    private bool _isBusy;

    /// <summary>Redis' state led to a conflict, which the next call would repeat: hydrate first.</summary>
    private volatile bool _hydrateFirst;

    /// <summary>The ledger refused a decision as ahead of its clock: decide the next call on the ledger.</summary>
    private volatile bool _redisIsAhead;

    /// <summary>
    /// Counts hydrations; only the loop writes it. A conflict of an earlier epoch says nothing about Redis' state now.
    /// </summary>
    private int _epoch;

    public Guid AuctionId { get; } = auctionId;

    /// <summary>Adds a bid.</summary>
    /// <returns>Whether it was added; false if the queue has retired.</returns>
    /// <exception cref="OverloadedException">Too many bids wait here.</exception>
    /// <exception cref="LedgerDownException">The lane is down.</exception>
    /// <exception cref="AuctionBusyException">The auction's row stays locked.</exception>
    public bool TryEnqueue(BidTicket ticket)
    {
        lock (_lock)
        {
            if (_retired) return false;
            if (lane.IsDown) throw new LedgerDownException();
            if (_isBusy) throw new AuctionBusyException(AuctionId);
            if (_waiting.Count >= options.WaitingPerAuctionMax)
                throw new OverloadedException($"bids waiting for auction {AuctionId}", options.WaitingPerAuctionMax);
            _unanswered++;
            _waiting.Enqueue(ticket);
            if (!TryStartLoop()) return true;
        }

        _ = RunAsync();
        return true;
    }

    /// <summary>The lane reports: this is the bid's answer, and it is in the ledger.</summary>
    public void Answered(BidTicket ticket, DecidedBid answer)
    {
        context.Metrics.Answered(answer);
        ticket.Complete(answer);
        LeaveLane();
    }

    /// <summary>The lane reports: the bid's outcome could not be found out.</summary>
    public void Failed(BidTicket ticket, Exception fault)
    {
        ticket.Fail(fault);
        LeaveLane();
    }

    /// <summary>
    /// The lane reports: the ledger did not take the decision, because it was made on a state that is not the ledger's.
    /// The bid is decided again.
    /// </summary>
    /// <param name="wasAhead">
    /// Whether it was decided ahead of the ledger's clock. Redis would do so again, so the ledger decides next.
    /// </param>
    public void Conflicted(BidTicket ticket, bool wasAhead = false)
    {
        context.Metrics.Conflicted();
        if (wasAhead)
        {
            context.HotState.ReportAhead();
            _redisIsAhead = true;
        }

        if (ticket.IsCompleted)
            Dropped(ticket);
        else if (ticket.Attempts >= AttemptsMax)
            Failed(ticket, new OutcomeUnknownException($"The bid was decided {AttemptsMax} times on a stale state."));
        else
            LeaveLane(decideAgain: ticket);
    }

    /// <summary>
    /// The lane reports: it is down, and the bid's outcome is not known. The caller is told so, and the bid stays in
    /// the lane. The bids that wait here fail as not decided: the ledger holds no decision of them.
    /// </summary>
    public void LaneDown(BidTicket ticket)
    {
        ticket.Fail(new OutcomeUnknownException("Postgres does not answer."));
        FailUndecided(() => new LedgerDownException());
    }

    /// <summary>
    /// The lane reports: the auction's row stays locked, and the bid's outcome is not known. As with
    /// <see cref="LaneDown"/>, and until <see cref="AuctionFree"/> no bid is taken.
    /// </summary>
    public void AuctionBusy(BidTicket ticket)
    {
        lock (_lock) _isBusy = true;
        ticket.Fail(new OutcomeUnknownException($"The row of auction {AuctionId} is locked."));
        FailUndecided(() => new AuctionBusyException(AuctionId));
    }

    /// <summary>The lane reports: the auction's row is free again, and the bids are in the ledger.</summary>
    public void AuctionFree()
    {
        lock (_lock) _isBusy = false;
    }

    /// <summary>The lane reports: it has dropped a bid whose caller does not wait any more.</summary>
    public void Dropped(BidTicket ticket)
    {
        ticket.Leave();
        LeaveLane();
    }

    private void FailUndecided(Func<Exception> fault)
    {
        BidTicket[] undecided;
        TaskCompletionSource? laneEmpty;
        lock (_lock)
        {
            undecided = [.. _waiting];
            _waiting.Clear();
            _unanswered -= undecided.Length;
            (laneEmpty, _laneEmpty) = (_laneEmpty, null);
        }

        laneEmpty?.SetException(fault());
        foreach (var waiting in undecided) waiting.Fail(fault());
    }

    /// <summary>The lane is done with a bid: the next call may be due, or the queue may be empty.</summary>
    /// <param name="decideAgain">The bid, if it returns to the queue.</param>
    private void LeaveLane(BidTicket? decideAgain = null)
    {
        TaskCompletionSource? laneEmpty = null;
        lock (_lock)
        {
            if (--_inLane == 0) (laneEmpty, _laneEmpty) = (_laneEmpty, null);
            if (decideAgain is null)
            {
                _unanswered--;
            }
            else
            {
                if (decideAgain.Epoch == _epoch) _hydrateFirst = true;
                _waiting.Enqueue(decideAgain);
            }

            laneEmpty?.SetResult();
            RetireIfEmpty();
            if (!TryStartLoop()) return;
        }

        _ = RunAsync();
    }

    /// <summary>Waits until the lane has reported on all decided bids.</summary>
    /// <exception cref="LedgerDownException">The lane is down.</exception>
    /// <exception cref="AuctionBusyException">The auction's row stays locked.</exception>
    private Task LaneEmptyAsync()
    {
        lock (_lock)
        {
            if (_inLane == 0) return Task.CompletedTask;
            if (lane.IsDown) throw new LedgerDownException();
            if (_isBusy) throw new AuctionBusyException(AuctionId);
            _laneEmpty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _laneEmpty.Task;
        }
    }

    private bool TryStartLoop()
    {
        if (_running || !IsCallDue()) return false;
        return _running = true;
    }

    /// <summary>
    /// A call and a commit cost nearly the same for few bids as for many. So a call is put off until as many bids wait
    /// as are in the lane. If none is in the lane, one bid is enough.
    /// </summary>
    private bool IsCallDue() => _waiting.Count >= Math.Max(1, _inLane) && _inLane < _inLaneMax;

    private void RetireIfEmpty()
    {
        if (_running || _unanswered > 0 || _retired) return;
        _retired = true;
        retire(this);
    }

    private async Task RunAsync()
    {
        while (TakeBatch())
        {
            try
            {
                await DecideAsync();
            }
            catch (Exception fault)
            {
                if (fault is AuctionNotFoundException) context.Missing.Add(AuctionId);
                if (fault is not (AuctionNotFoundException or UnreadableAuctionException or LedgerDownException
                    or AuctionBusyException))
                {
                    context.Logger.DecidingFailed(AuctionId, _batch.Count, fault);
                }

                foreach (var ticket in _batch) ticket.Fail(OutcomeUnknownException.From(fault));
                lock (_lock) _unanswered -= _batch.Count;
            }
        }
    }

    /// <summary>Takes the bids of the next call; if none is due, the loop ends.</summary>
    private bool TakeBatch()
    {
        lock (_lock)
        {
            _batch.Clear();
            if (IsCallDue()) FillBatch();
            if (_batch.Count > 0) return true;
            _running = false;
            RetireIfEmpty();
            return false;
        }
    }

    private void FillBatch()
    {
        while (_batch.Count < options.DecideBidsMax && _waiting.TryDequeue(out var ticket))
        {
            // A caller that has gone before the decision needs none.
            if (!ticket.IsCompleted)
            {
                _batch.Add(ticket);
                continue;
            }

            _unanswered--;
            ticket.Leave();
        }
    }

    private async Task DecideAsync()
    {
        try
        {
            if (_redisIsAhead)
            {
                _redisIsAhead = false;
                await DecideOnLedgerAsync();
                return;
            }

            await DecideInRedisAsync();
        }
        catch (HotStateUnavailableException fault)
        {
            context.Logger.DecidingWithoutRedis(AuctionId, _batch.Count, fault.Message);
            await DecideOnLedgerAsync();
        }
    }

    private async Task DecideInRedisAsync()
    {
        if (_hydrateFirst) await HydrateAsync();
        var proposals = new UndecidedBid[_batch.Count];
        for (var i = 0; i < proposals.Length; i++)
        {
            var ticket = _batch[i];
            var conflict = ticket.Decided?.Id ?? Guid.Empty;
            proposals[i] = new UndecidedBid(ticket.NextId(), ticket.Bid, conflict, ticket.Limited);
        }

        var proposed = await context.HotState.DecideAsync(AuctionId, proposals, CancellationToken.None);
        for (var misses = 0; proposed is null; misses++)
        {
            if (misses == AttemptsMax)
                throw new OutcomeUnknownException($"Redis lost the auction {AttemptsMax} times after a hydration.");
            await HydrateAsync();
            proposed = await context.HotState.DecideAsync(AuctionId, proposals, CancellationToken.None);
        }

        context.Metrics.DecidedInRedis(_batch.Count);
        lock (_lock) _inLane += _batch.Count;
        for (var i = 0; i < proposals.Length; i++) EnqueueIfValid(_batch[i], proposed.Bids[i], proposed.Terms);
    }

    /// <summary>
    /// The decision goes to the lane if the rules make it. An answer that was given under earlier terms cannot be
    /// checked here; but it is in the ledger already, and the append compares.
    /// </summary>
    private void EnqueueIfValid(BidTicket ticket, DecidedBid decided, Terms terms)
    {
        Record(ticket, decided, terms);
        if (decided.TermsDigest != terms.Digest || decided.FollowsUnder(terms))
        {
            lane.Enqueue(this, ticket);
            return;
        }

        context.Logger.ForgedDecisionFound(AuctionId, decided);
        Conflicted(ticket);
    }

    /// <summary>
    /// Waits first until all earlier decisions are committed: without Redis, only the ledger knows the state that they
    /// left.
    /// </summary>
    private async Task DecideOnLedgerAsync()
    {
        await LaneEmptyAsync();
        var proposed = await context.LedgerDecider.DecideAsync(AuctionId, _batch);
        lock (_lock) _inLane += _batch.Count;
        for (var i = 0; i < _batch.Count; i++)
        {
            Record(_batch[i], proposed.Bids[i], proposed.Terms);
            lane.Enqueue(this, _batch[i]);
        }

        context.Metrics.DecidedOnLedger(_batch.Count);
    }

    private void Record(BidTicket ticket, DecidedBid decided, Terms terms)
    {
        ticket.Decided = decided;
        ticket.Terms = terms;
        ticket.Epoch = _epoch;
    }

    /// <summary>Sets Redis to the ledger's state of the auction.</summary>
    private async Task HydrateAsync()
    {
        context.Metrics.Hydrated();
        if (await context.Recovery.HydrateAsync(AuctionId, CancellationToken.None) is null)
            throw new AuctionNotFoundException(AuctionId);
        lock (_lock)
        {
            _epoch++;
            _hydrateFirst = false;
        }
    }
}

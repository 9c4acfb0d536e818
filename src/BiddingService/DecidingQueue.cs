using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>What every queue needs.</summary>
internal sealed record DecidingParts(
    IHotState HotState, ILedger Ledger, Recovery Recovery, VelocityLimit Velocity, BiddingMetrics Metrics, TimeProvider Time,
    ILogger<DecidingQueue> Log);

/// <summary>
/// The bids that wait for one auction. At most one call to Redis is in flight; it takes all that wait, in order of arrival. Decided bids
/// go to the lane in the order of decision, and the next call does not wait for their commit, if there are as many to decide as are on
/// their way (ADR 11): fewer would make a call, and a commit, of a few bids each, which cost nearly as much as those of many.
/// It waits in any case while the lane holds as many of this auction as go into two commits: a lane serves many auctions, and a hot one is
/// to wait here, not in the way of the others. The loop runs while there are bids to decide; with the last answer the queue is retired.
/// </summary>
internal sealed partial class DecidingQueue(
    Guid auctionId, CommitLane lane, BiddingOptions options, DecidingParts parts, Action<DecidingQueue> retire)
{
    /// <summary>Decisions of one bid that the ledger may refuse before the caller is told that the outcome is unknown.</summary>
    private const int AttemptsMax = 30;

    private readonly Lock _gate = new();
    private readonly Queue<BidTicket> _waiting = new();
    private readonly List<BidTicket> _batch = [];
    private readonly int _aheadMax = 2 * options.CommitEntriesMax;
    private int _unanswered;
    private int _ahead;
    private bool _running;
    private bool _retired;
    private volatile bool _stale;
    private int _generation;

    public Guid AuctionId { get; } = auctionId;

    /// <summary>Adds a bid; false where the queue has been retired.</summary>
    /// <exception cref="OverloadedException">Too many wait here.</exception>
    /// <exception cref="LedgerDownException">There is no one to say what the ledger holds.</exception>
    public bool TryEnqueue(BidTicket ticket)
    {
        lock (_gate)
        {
            if (_retired) return false;
            if (lane.IsDown) throw new LedgerDownException();
            if (_waiting.Count >= options.WaitingPerAuctionMax)
                throw new OverloadedException($"bids waiting for auction {AuctionId}", options.WaitingPerAuctionMax);
            _unanswered++;
            _waiting.Enqueue(ticket);
            if (!TryStart()) return true;
        }

        _ = RunAsync();
        return true;
    }

    /// <summary>The lane's report: the ledger holds this as the bid's answer.</summary>
    public void Answered(BidTicket ticket, DecidedBid answer)
    {
        parts.Metrics.Answered(answer);
        ticket.Complete(answer);
        Passed();
    }

    /// <summary>The lane's report: it could not find out.</summary>
    public void Failed(BidTicket ticket, Exception fault)
    {
        ticket.Fail(fault);
        Passed();
    }

    /// <summary>The lane's report: the ledger refused the decision. It is made again, on the ledger's state; the caller is told nothing.</summary>
    public void Refused(BidTicket ticket)
    {
        parts.Metrics.DecidedAgain();
        if (ticket.IsOver)
            Passed();
        else if (ticket.Attempts >= AttemptsMax)
            Failed(ticket, new OutcomeUnknownException($"The bid was decided {AttemptsMax} times, and each time on a state that was gone."));
        else
            Passed(again: ticket);
    }

    /// <summary>
    /// The lane's report: Postgres does not answer. Who waits for this bid is told so; the bid itself stays with the lane. What has not
    /// been decided will not be.
    /// </summary>
    public void Unknown(BidTicket ticket)
    {
        ticket.Fail(new OutcomeUnknownException("Postgres does not answer."));
        BidTicket[] waiting;
        lock (_gate)
        {
            waiting = [.. _waiting];
            _waiting.Clear();
            _unanswered -= waiting.Length;
        }

        foreach (var undecided in waiting) undecided.Fail(new LedgerDownException());
    }

    /// <summary>The lane is done with a bid.</summary>
    /// <param name="again">To be decided again; null where it was answered.</param>
    private void Passed(BidTicket? again = null)
    {
        lock (_gate)
        {
            _ahead--;
            if (again is null)
            {
                _unanswered--;
            }
            else
            {
                if (again.Generation == _generation) _stale = true;
                _waiting.Enqueue(again);
            }

            RetireIfIdle();
            if (!TryStart()) return;
        }

        _ = RunAsync();
    }

    private bool TryStart()
    {
        if (_running || !IsWorthACall()) return false;
        return _running = true;
    }

    private bool IsWorthACall() => _waiting.Count >= Math.Max(1, _ahead) && _ahead < _aheadMax;

    private void RetireIfIdle()
    {
        if (_running || _unanswered > 0 || _retired) return;
        _retired = true;
        retire(this);
    }

    private async Task RunAsync()
    {
        while (Take())
        {
            try
            {
                await DecideAsync();
            }
            catch (Exception fault)
            {
                if (fault is not AuctionNotFoundException) LogFault(parts.Log, AuctionId, _batch.Count, fault);
                foreach (var ticket in _batch) ticket.Fail(FaultOf(fault));
                lock (_gate) _unanswered -= _batch.Count;
            }
        }
    }

    private bool Take()
    {
        lock (_gate)
        {
            _batch.Clear();
            if (IsWorthACall()) FillBatch();
            if (_batch.Count > 0) return true;
            _running = false;
            RetireIfIdle();
            return false;
        }
    }

    private void FillBatch()
    {
        while (_batch.Count < options.DecideBidsMax && _waiting.TryDequeue(out var ticket))
        {
            // Whoever has gone before the decision needs none.
            if (ticket.IsOver) _unanswered--;
            else _batch.Add(ticket);
        }
    }

    private async Task DecideAsync()
    {
        try
        {
            await DecideInRedisAsync();
        }
        catch (HotStateUnavailableException fault)
        {
            LogWithoutRedis(parts.Log, AuctionId, _batch.Count, fault.Message);
            await DecideOnLedgerAsync();
        }
    }

    private async Task DecideInRedisAsync()
    {
        if (_stale) await HydrateAsync();
        var proposals = new UndecidedBid[_batch.Count];
        for (var i = 0; i < proposals.Length; i++)
            proposals[i] = new UndecidedBid(_batch[i].NextId(), _batch[i].Bid, _batch[i].Decided?.Id ?? Guid.Empty, _batch[i].Limited);

        var proposed = await parts.HotState.DecideAsync(AuctionId, proposals, CancellationToken.None);
        for (var misses = 0; proposed is null; misses++)
        {
            if (misses == AttemptsMax) throw new OutcomeUnknownException("Redis forgets the auction as often as it is told of it.");
            await HydrateAsync();
            proposed = await parts.HotState.DecideAsync(AuctionId, proposals, CancellationToken.None);
        }

        parts.Metrics.DecidedInRedis(_batch.Count);
        lock (_gate) _ahead += _batch.Count;
        for (var i = 0; i < proposals.Length; i++) PersistIfLawful(_batch[i], proposed.Bids[i], proposed.Terms);
    }

    /// <summary>
    /// An answer from under earlier terms is in the ledger, which has the last word on it; any other must be what the rules say.
    /// </summary>
    private void PersistIfLawful(BidTicket ticket, DecidedBid decided, Terms terms)
    {
        Note(ticket, decided, terms);
        if (decided.TermsDigest != terms.Digest || decided.FollowsUnder(terms))
        {
            lane.Enqueue(this, ticket);
            return;
        }

        LogForged(parts.Log, AuctionId, decided);
        Refused(ticket);
    }

    /// <summary>
    /// Without Redis the same rules decide on the ledger's head, and the same append takes the decisions or turns them away. The next
    /// decisions wait until these are in: there is no one else to say what they left.
    /// </summary>
    private async Task DecideOnLedgerAsync()
    {
        var head = await parts.Ledger.ReadHeadAsync(AuctionId, CancellationToken.None) ?? throw new AuctionNotFoundException(AuctionId);
        var nowUs = parts.Time.GetUtcNow().ToMicroseconds();
        var pace = await BidderVelocity.ReadAsync(parts.Ledger, parts.Velocity, AuctionId, _batch, nowUs);
        lock (_gate) _ahead += _batch.Count;
        foreach (var ticket in _batch)
        {
            var decided = DecidedBid.Decide(AuctionId, head, ticket.NextId(), ticket.Bid, nowUs, pace.Admits(ticket));
            if (decided.Accepted) head = head with { Version = decided.Version, EntryId = decided.Id, State = decided.After };
            Note(ticket, decided, head.Terms);
            lane.Enqueue(this, ticket);
        }

        parts.Metrics.DecidedOnLedger(_batch.Count);
        await lane.PassedAsync();
    }

    private void Note(BidTicket ticket, DecidedBid decided, Terms terms)
    {
        ticket.Decided = decided;
        ticket.Terms = terms;
        ticket.Generation = _generation;
    }

    private async Task HydrateAsync()
    {
        _stale = false;
        parts.Metrics.Hydrated();
        if (await parts.Recovery.HydrateAsync(AuctionId, CancellationToken.None) is null) throw new AuctionNotFoundException(AuctionId);
        lock (_gate) _generation++;
    }

    private static Exception FaultOf(Exception fault) => fault switch
    {
        AuctionNotFoundException or OutcomeUnknownException => fault,
        HotStateUnavailableException => new OutcomeUnknownException("Redis does not answer.", fault),
        LedgerUnavailableException => new OutcomeUnknownException("Postgres does not answer.", fault),
        _ => fault,
    };

    [LoggerMessage(LogLevel.Warning, "Auction {AuctionId}: {Bids} bids are decided on the ledger, Redis does not answer: {Reason}")]
    private static partial void LogWithoutRedis(ILogger logger, Guid auctionId, int bids, string reason);

    [LoggerMessage(LogLevel.Error, "Auction {AuctionId}: Redis holds a decision that the rules do not make: {Decided}")]
    private static partial void LogForged(ILogger logger, Guid auctionId, DecidedBid decided);

    [LoggerMessage(LogLevel.Error, "Auction {AuctionId}: {Bids} bids could not be decided")]
    private static partial void LogFault(ILogger logger, Guid auctionId, int bids, Exception fault);
}

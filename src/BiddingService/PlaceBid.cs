using System.Collections.Concurrent;
using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// The path of a bid. It waits in the <see cref="DecidingQueue"/> of its auction, where one call to Redis decides all
/// bids that wait. The decision goes to a <see cref="CommitLane"/>, where one transaction appends all decisions that
/// wait to the ledger. Only then is the caller answered. If the ledger does not take the decision because it was made
/// on a stale state (a conflict), the bid returns to its queue and is decided again; the caller does not notice.
/// </summary>
/// <remarks>
/// There is no timer on this path. What arrives while a call or a transaction is in flight goes into the next one, so a
/// single bid never waits for others, and a thousand bids at once share a few calls.
/// </remarks>
internal sealed class PlaceBid : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Guid, DecidingQueue> _queues = new();
    private readonly CommitLane[] _lanes;
    private readonly DecidingContext _decidingContext;
    private readonly BiddingOptions _options;
    private readonly ILedger _ledger;
    private readonly Recovery _recovery;
    private readonly Action _leaveFlight;
    private readonly MissingAuctions _missing;
    private readonly TimeProvider _timeProvider;
    private int _inFlight;

    public PlaceBid(
        IHotState hotState, ILedger ledger, Recovery recovery, BiddingOptions options, VelocityLimit velocity,
        BiddingMetrics metrics, TimeProvider timeProvider, ILoggerFactory loggerFactory)
    {
        (_ledger, _recovery, _options, _timeProvider) = (ledger, recovery, options, timeProvider);
        _leaveFlight = () => LeaveFlight(place: null);
        _missing = new MissingAuctions(timeProvider);
        _decidingContext = new DecidingContext(
            hotState, new LedgerDecider(ledger, velocity), recovery, _missing, metrics,
            loggerFactory.CreateLogger<DecidingQueue>());
        var trimmer = new PendingTrimmer(
            hotState, TimeSpan.FromMilliseconds(options.TrimPendingMs), timeProvider,
            loggerFactory.CreateLogger<PendingTrimmer>());
        var commitContext = new CommitContext(
            ledger, recovery, trimmer, metrics, timeProvider, loggerFactory.CreateLogger<CommitLane>());
        _lanes =
        [
            .. Enumerable.Range(0, options.Lanes).Select(_ => new CommitLane(commitContext, options.CommitEntriesMax)),
        ];
    }

    /// <inheritdoc cref="PlaceAsync(BidRequest, HeldPlace, CancellationToken)"/>
    public Task<BidAnswer> PlaceAsync(BidRequest request, CancellationToken cancellationToken) =>
        PlaceAsync(request, place: null, cancellationToken);

    /// <summary>Decides a bid and commits the decision.</summary>
    /// <param name="place">
    /// The caller's place among its calls in flight, or null. The bid holds it until it is through, even if its caller
    /// has gone.
    /// </param>
    /// <returns>The answer, as it is in the ledger.</returns>
    /// <exception cref="OverloadedException">Too many bids are in flight; nothing was decided.</exception>
    /// <exception cref="LedgerDownException">Postgres does not answer; nothing was decided.</exception>
    /// <exception cref="AuctionBusyException">The auction's row stays locked; nothing was decided.</exception>
    /// <exception cref="AuctionNotFoundException">There is no such auction.</exception>
    /// <exception cref="KeyReusedException">The key already has an answer, to a request with other content.</exception>
    /// <exception cref="OutcomeUnknownException">
    /// A store did not answer in time. The bid may have been decided: the same key finds out.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The caller has gone. The bid may still be decided: the same key finds out.
    /// </exception>
    public async Task<BidAnswer> PlaceAsync(
        BidRequest request, HeldPlace? place, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _inFlight) > _options.InFlightMax)
        {
            Interlocked.Decrement(ref _inFlight);
            throw new OverloadedException("bids in flight", _options.InFlightMax);
        }

        place?.Hold();
        var ticket = new BidTicket(
            request.AuctionId, request.Bid, request.Limited, _timeProvider.GetTimestamp(),
            place is null ? _leaveFlight : () => LeaveFlight(place));
        try
        {
            Enqueue(ticket);
        }
        catch
        {
            ticket.Leave();
            throw;
        }

        using var cancellation = cancellationToken.UnsafeRegister(
            static ticket => ((BidTicket)ticket!).Cancel(), ticket);
        var answer = await ticket.Answer;
        if (!answer.Bid.Bid.SameContent(ticket.Bid)) throw new KeyReusedException(ticket.Bid.Key);
        return answer.Bid.TermsDigest == answer.Terms.Digest
            ? answer
            : await WithItsOwnTermsAsync(answer, cancellationToken);
    }

    /// <summary>The answer to an earlier request; null if none was decided.</summary>
    /// <remarks>
    /// If the ledger has no answer, the request may still have been decided by a service that died before the commit.
    /// So the auction's pending entries are appended first, and then the ledger is asked again.
    /// </remarks>
    public async Task<BidAnswer?> FindAsync(
        Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken)
    {
        var answer = await _ledger.FindAnswerAsync(auctionId, bidder, key, cancellationToken);
        if (answer is null)
        {
            await _recovery.AppendPendingAsync(auctionId, cancellationToken);
            answer = await _ledger.FindAnswerAsync(auctionId, bidder, key, cancellationToken);
        }

        if (answer is null) return null;
        var terms = await _ledger.FindTermsAsync(auctionId, answer.TermsDigest, cancellationToken)
            ?? throw new InvalidOperationException($"Auction {auctionId} never had the terms {answer.TermsDigest}.");
        return new BidAnswer(answer, terms, Replayed: true);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes) await lane.DisposeAsync();
    }

    private void LeaveFlight(HeldPlace? place)
    {
        Interlocked.Decrement(ref _inFlight);
        place?.Dispose();
    }

    /// <summary>
    /// An auction has a queue while it has unanswered bids. If the queue retires just before this bid reaches it, the
    /// bid creates a new one.
    /// </summary>
    private void Enqueue(BidTicket ticket)
    {
        var auctionId = ticket.AuctionId;
        if (_missing.Contains(auctionId)) throw new AuctionNotFoundException(auctionId);
        if (LaneOf(auctionId).IsDown) throw new LedgerDownException();
        while (true)
        {
            var queue = _queues.GetOrAdd(
                auctionId, id => new DecidingQueue(id, LaneOf(id), _options, _decidingContext, Retire));
            if (queue.TryEnqueue(ticket)) return;
            Retire(queue);
        }
    }

    private void Retire(DecidingQueue queue) => _queues.TryRemove(KeyValuePair.Create(queue.AuctionId, queue));

    /// <summary>Always the same lane for an auction, so that its entries keep their order.</summary>
    private CommitLane LaneOf(Guid auctionId) => _lanes[(uint)auctionId.GetHashCode() % (uint)_lanes.Length];

    /// <summary>An answer to an earlier call may have been decided before the terms changed.</summary>
    private async Task<BidAnswer> WithItsOwnTermsAsync(BidAnswer answer, CancellationToken cancellationToken)
    {
        var decided = answer.Bid;
        return await _ledger.FindTermsAsync(decided.AuctionId, decided.TermsDigest, cancellationToken) is { } terms
            ? answer with { Terms = terms }
            : answer;
    }
}

/// <summary>A bound was reached; nothing was decided.</summary>
internal sealed class OverloadedException(string what, int max) : Exception($"{what}: at the limit of {max}")
{
    /// <summary>The earliest time at which a retry is useful.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromMilliseconds(200);
}

/// <summary>Postgres has not answered for some time. The service decides nothing until it answers.</summary>
internal sealed class LedgerDownException() : Exception("Postgres does not answer.")
{
    /// <summary>The earliest time at which a retry is useful.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromSeconds(1);
}

internal sealed class AuctionNotFoundException(Guid auctionId) : Exception($"There is no auction {auctionId}.")
{
    public Guid AuctionId { get; } = auctionId;
}

internal sealed class KeyReusedException(Guid key)
    : Exception($"The idempotency key {key} was used for another request.")
{
    public Guid Key { get; } = key;
}

/// <summary>The bid may have been decided: the same idempotency key finds out.</summary>
internal sealed class OutcomeUnknownException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>
    /// What the caller gets for a fault. A store that did not answer may have done what it was asked.
    /// </summary>
    public static Exception From(Exception fault) => fault switch
    {
        HotStateUnavailableException => new OutcomeUnknownException("Redis does not answer.", fault),
        LedgerUnavailableException => new OutcomeUnknownException("Postgres does not answer.", fault),
        _ => fault,
    };
}

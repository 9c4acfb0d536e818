using System.Collections.Concurrent;
using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace BiddingService;

/// <summary>
/// The way of a bid: it waits for its auction's <see cref="DecidingQueue"/>, is decided in Redis together with all that wait there,
/// is committed by a <see cref="CommitLane"/> together with all that wait there, and only then answered. There is no timer in it:
/// what arrives while a call is in flight goes in the next one.
/// </summary>
internal sealed class PlaceBid : IAsyncDisposable
{
    private readonly ConcurrentDictionary<Guid, DecidingQueue> _queues = new();
    private readonly CommitLane[] _lanes;
    private readonly BiddingOptions _options;
    private readonly DecidingParts _parts;
    private readonly ILedger _ledger;
    private int _inFlight;

    public PlaceBid(IHotState hotState, ILedger ledger, Recovery recovery, BiddingOptions options, VelocityLimit velocity,
        BiddingMetrics metrics, TimeProvider timeProvider, ILoggerFactory loggerFactory)
    {
        _options = options;
        _ledger = ledger;
        _parts = new DecidingParts(hotState, ledger, recovery, velocity, metrics, timeProvider, loggerFactory.CreateLogger<DecidingQueue>());
        var settlements = new PendingTrimmer(hotState, TimeSpan.FromMilliseconds(options.TrimPendingMs), timeProvider, loggerFactory.CreateLogger<PendingTrimmer>());
        var laneParts = new CommitParts(ledger, settlements, recovery, metrics, timeProvider, loggerFactory.CreateLogger<CommitLane>());
        _lanes = [.. Enumerable.Range(0, options.Lanes).Select(_ => new CommitLane(laneParts, options.CommitEntriesMax))];
    }

    /// <summary>Decides and persists a bid.</summary>
    /// <returns>The answer, which is in the ledger.</returns>
    /// <exception cref="OverloadedException">Too many bids are in flight; nothing was decided.</exception>
    /// <exception cref="LedgerDownException">Postgres does not answer; nothing was decided.</exception>
    /// <exception cref="AuctionNotFoundException">There is no such auction.</exception>
    /// <exception cref="KeyReusedException">The key has an answer to a request with other content.</exception>
    /// <exception cref="OutcomeUnknownException">The stores did not answer in time: the same key finds out.</exception>
    /// <exception cref="OperationCanceledException">The caller has gone: the bid may be decided all the same, and the key finds out.</exception>
    public async Task<BidAnswer> PlaceAsync(BidRequest request, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _inFlight) > _options.InFlightMax)
        {
            Interlocked.Decrement(ref _inFlight);
            throw new OverloadedException("bids in flight", _options.InFlightMax);
        }

        try
        {
            var ticket = new BidTicket(request.AuctionId, request.Bid, request.Limited);
            Enqueue(ticket);
            using var leaving = cancellationToken.UnsafeRegister(static ticket => ((BidTicket)ticket!).Leave(), ticket);
            var answer = await ticket.Answer;
            if (!answer.Bid.Bid.SameContent(ticket.Bid)) throw new KeyReusedException(ticket.Bid.Key);
            return answer.Bid.TermsDigest == answer.Terms.Digest ? answer : await UnderItsTermsAsync(answer, cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    /// <summary>The answer to an earlier request; null where none was decided.</summary>
    /// <remarks>What a dead service left decided and not persisted joins the ledger first.</remarks>
    public async Task<BidAnswer?> FindAsync(Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken)
    {
        var answer = await _ledger.FindAnswerAsync(auctionId, bidder, key, cancellationToken);
        if (answer is null)
        {
            await _parts.Recovery.AppendPendingAsync(auctionId, cancellationToken);
            answer = await _ledger.FindAnswerAsync(auctionId, bidder, key, cancellationToken);
        }

        if (answer is null) return null;
        var terms = await _ledger.FindTermsAsync(auctionId, answer.TermsDigest, cancellationToken)
            ?? throw new InvalidOperationException($"Auction {auctionId} was never held under the terms {answer.TermsDigest}.");
        return new BidAnswer(answer, terms, Replayed: true);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes) await lane.DisposeAsync();
    }

    /// <summary>A queue that has run empty is taken out of the dictionary; a bid that finds it closing makes a new one.</summary>
    private void Enqueue(BidTicket ticket)
    {
        var auctionId = ticket.AuctionId;
        if (LaneOf(auctionId).IsDown) throw new LedgerDownException();
        while (true)
        {
            var queue = _queues.GetOrAdd(auctionId, id => new DecidingQueue(id, LaneOf(id), _options, _parts, Retire));
            if (queue.TryEnqueue(ticket)) return;
            Retire(queue);
        }
    }

    private void Retire(DecidingQueue queue) => _queues.TryRemove(KeyValuePair.Create(queue.AuctionId, queue));

    private CommitLane LaneOf(Guid auctionId) => _lanes[(uint)auctionId.GetHashCode() % (uint)_lanes.Length];

    private async Task<BidAnswer> UnderItsTermsAsync(BidAnswer answer, CancellationToken cancellationToken) =>
        await _ledger.FindTermsAsync(answer.Bid.AuctionId, answer.Bid.TermsDigest, cancellationToken) is { } terms ? answer with { Terms = terms } : answer;
}

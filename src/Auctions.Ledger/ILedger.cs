using Auctions.Core;

namespace Auctions.Ledger;

/// <summary>What the ledger made of a decided bid.</summary>
public enum AppendOutcome
{
    /// <summary>It is in the ledger now.</summary>
    Appended,
    /// <summary>The same entry was there already.</summary>
    AlreadyThere,
    /// <summary>The key has an answer already, another one: <see cref="AppendResult.Answer"/> is to be given.</summary>
    Answered,
    /// <summary>Its predecessor is not there yet: append what is pending first.</summary>
    Early,
    /// <summary>It was decided on a state that is not the ledger's.</summary>
    Conflict,
}

/// <summary>The result for one decided bid.</summary>
/// <param name="Answer">What the ledger holds as the answer to its key; null where it is early or refused.</param>
public readonly record struct AppendResult(AppendOutcome Outcome, DecidedBid? Answer);

/// <summary>
/// The truth. All that it returns as appended, there or answered is committed and fsynced. Implemented on Postgres, and in
/// memory by the simulation.
/// </summary>
public interface ILedger
{
    /// <summary>
    /// Appends accepted bids to their auctions' chains and records refusals, each only where what it rests on is what the
    /// ledger holds. What is fresh takes one transaction and one round trip where nothing is amiss. Bids of one auction are in version order.
    /// </summary>
    /// <param name="bids">Of any auctions; no id twice.</param>
    /// <param name="fresh">Whether a bid was decided just now and never sent here, one a bid; empty: none was. Nobody looks first whether it,
    /// or an answer to its key, is there already: the index tells. The results are the same without, and cost more.</param>
    /// <returns>One result a bid, in order.</returns>
    /// <exception cref="LedgerUnavailableException">Nothing is known of the outcome: ask again with the same bids.</exception>
    Task<AppendResult[]> AppendAsync(IReadOnlyList<DecidedBid> bids, bool[] fresh, CancellationToken cancellationToken);

    /// <summary>The head of an auction's chain; null where there is no such auction.</summary>
    Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>The newest answers (accepted and refused) of an auction, for Redis' idempotency records.</summary>
    Task<IReadOnlyList<DecidedBid>> ReadRecentAnswersAsync(Guid auctionId, int limit, CancellationToken cancellationToken);

    /// <summary>The answer to a key; null where none was recorded.</summary>
    Task<DecidedBid?> FindAnswerAsync(Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken);

    /// <summary>When bids of these bidders were decided on the auction since then, by bidder, ascending.</summary>
    Task<ILookup<string, long>> ReadDecisionTimesAsync(Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken);

    /// <summary>The terms with that digest that the auction was once held under; null where there were none.</summary>
    Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellationToken);
}

/// <summary>Postgres did not answer, or the connection was lost in between: the outcome is not known.</summary>
public sealed class LedgerUnavailableException(string message, Exception inner) : Exception(message, inner);

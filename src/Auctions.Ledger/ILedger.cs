using Auctions.Core;

namespace Auctions.Ledger;

/// <summary>What the ledger did with a decided bid.</summary>
public enum AppendOutcome
{
    /// <summary>It is in the ledger now.</summary>
    Appended,
    /// <summary>The same entry was there already.</summary>
    AlreadyThere,
    /// <summary>The key has another answer already: <see cref="AppendResult.Answer"/> is the one to give.</summary>
    Answered,
    /// <summary>Its predecessor is not in the ledger yet: append the pending entries first.</summary>
    Early,
    /// <summary>It was decided on a state that is not the ledger's: decide it again.</summary>
    Conflict,
}

/// <summary>The result for one decided bid.</summary>
/// <param name="Answer">What the ledger holds as the answer to its key; null if it is early or in conflict.</param>
public readonly record struct AppendResult(AppendOutcome Outcome, DecidedBid? Answer);

/// <summary>
/// The truth. What it returns as appended, already there or answered is committed and fsynced. Postgres implements it,
/// and the simulation does in memory.
/// </summary>
public interface ILedger
{
    /// <summary>
    /// Appends accepted bids to their auctions' chains and records rejected ones, each only if the ledger holds the
    /// state that it was decided on. Fresh bids without a conflict take one transaction and one round trip.
    /// </summary>
    /// <param name="bids">Of any auctions, no id twice; the bids of one auction in version order.</param>
    /// <param name="fresh">
    /// One flag for each bid: whether it was decided just now and never sent here. Nobody looks up first whether a
    /// fresh bid, or an answer to its key, is there already: the unique index tells. Empty = none is fresh. The results
    /// are the same either way; those of fresh bids cost less.
    /// </param>
    /// <returns>One result for each bid, in order.</returns>
    /// <exception cref="LedgerUnavailableException">The outcome is unknown: call again with the same bids.</exception>
    Task<AppendResult[]> AppendAsync(IReadOnlyList<DecidedBid> bids, bool[] fresh, CancellationToken cancellationToken);

    /// <summary>The head of an auction's chain; null if there is no such auction.</summary>
    Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>The newest answers of an auction, accepted and rejected, for Redis' idempotency records.</summary>
    Task<IReadOnlyList<DecidedBid>> ReadRecentAnswersAsync(
        Guid auctionId, int limit, CancellationToken cancellationToken);

    /// <summary>The answer to a key; null if none was recorded.</summary>
    Task<DecidedBid?> FindAnswerAsync(Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken);

    /// <summary>When bids of these bidders on the auction were decided since then: by bidder, ascending.</summary>
    Task<ILookup<string, long>> ReadDecisionTimesAsync(
        Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken);

    /// <summary>The terms with that digest that the auction had at some time; null if there were none.</summary>
    Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellationToken);
}

/// <summary>Postgres did not answer, or the connection was lost during the call: the outcome is unknown.</summary>
public sealed class LedgerUnavailableException(string message, Exception inner) : Exception(message, inner);

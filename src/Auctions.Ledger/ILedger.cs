using Auctions.Core;

namespace Auctions.Ledger;

/// <summary>The ledger's result for a decided bid.</summary>
public enum AppendOutcome
{
    /// <summary>It is in the ledger now.</summary>
    Appended,
    /// <summary>The ledger already had the same entry.</summary>
    AlreadyThere,
    /// <summary>The key already has another answer. Give the caller <see cref="AppendResult.Answer"/>.</summary>
    Answered,
    /// <summary>Its predecessor is not in the ledger yet: append the pending entries first.</summary>
    Early,
    /// <summary>It was decided on a state that differs from the ledger's: decide it again.</summary>
    Conflict,
    /// <summary>
    /// A conflict as well: it was decided more than a second ahead of the ledger's clock. The clock of the server that
    /// decided it is wrong.
    /// </summary>
    Ahead,
    /// <summary>
    /// Another transaction holds the auction's row, and the ledger did nothing: append the same bid again.
    /// </summary>
    Busy,
}

/// <summary>The result for one decided bid.</summary>
/// <param name="Answer">The ledger's answer to its key; null if the bid is not in the ledger.</param>
public readonly record struct AppendResult(AppendOutcome Outcome, DecidedBid? Answer);

/// <summary>
/// The source of truth. A bid that it returns as appended, already there or answered is committed and fsynced.
/// Postgres implements it; the simulation has an implementation in memory.
/// </summary>
public interface ILedger
{
    /// <summary>
    /// Appends accepted bids to their auctions' chains and records rejected ones, each only if the ledger holds the
    /// state that it was decided on. Fresh bids without a conflict take one transaction and one round trip. Waits for
    /// no auction's row: the bids of an auction that another transaction has locked are busy.
    /// </summary>
    /// <param name="bids">
    /// Bids of any auctions. No id comes twice, and the bids of one auction are in version order.
    /// </param>
    /// <param name="fresh">
    /// One flag for each bid: true if it was decided just now and was never sent to the ledger. The ledger does not
    /// look up whether it already has a fresh bid or an answer to its key: the unique index finds out. Empty = no bid
    /// is fresh. The results are the same with and without the flag, but a fresh bid costs less.
    /// </param>
    /// <param name="agesUs">
    /// One for each bid: how long ago, at most, the call began that gets the answer, in microseconds. A rejection may
    /// rest on any head that the auction had since then. Empty = not known: a rejection rests on the head as it is now.
    /// </param>
    /// <returns>One result for each bid, in order.</returns>
    /// <exception cref="LedgerUnavailableException">The outcome is unknown: call again with the same bids.</exception>
    Task<AppendResult[]> AppendAsync(
        IReadOnlyList<DecidedBid> bids, bool[] fresh, long[] agesUs, CancellationToken cancellationToken);

    /// <summary>
    /// Like <see cref="AppendAsync"/>, for bids of one auction and in a transaction of its own, which waits for the
    /// auction's row. The wait is short and bounded (<see cref="RowLocks"/>): then the bids are busy.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The outcome is unknown: call again with the same bids.</exception>
    Task<AppendResult[]> AppendWaitingAsync(
        IReadOnlyList<DecidedBid> bids, long[] agesUs, CancellationToken cancellationToken);

    /// <summary>The head of an auction's chain; null if there is no such auction.</summary>
    Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>
    /// The head of an auction's chain, and the ledger's clock at that moment, in microseconds since 1970; null if there
    /// is no such auction.
    /// </summary>
    Task<(Head Head, long NowUs)?> ReadHeadAndClockAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>The newest answers of an auction, accepted and rejected, for Redis' idempotency records.</summary>
    /// <param name="limit">The most answers of one auction.</param>
    Task<ILookup<Guid, DecidedBid>> ReadRecentAnswersAsync(
        IReadOnlyCollection<Guid> auctionIds, int limit, CancellationToken cancellationToken);

    /// <summary>The heads of the chains of those auctions that exist.</summary>
    /// <exception cref="UnreadableAuctionException">One of them has a row that cannot be read.</exception>
    Task<IReadOnlyDictionary<Guid, Head>> ReadHeadsAsync(
        IReadOnlyCollection<Guid> auctionIds, CancellationToken cancellationToken);

    /// <summary>The answer to a key; null if none was recorded.</summary>
    Task<DecidedBid?> FindAnswerAsync(Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken);

    /// <summary>
    /// The times at which bids of these bidders on the auction were accepted, by bidder, ascending, without purchases.
    /// Only times after <paramref name="sinceUs"/>. All times are microseconds since 1970.
    /// </summary>
    Task<ILookup<string, long>> ReadDecisionTimesAsync(
        Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken);

    /// <summary>The auction's terms, present or earlier, with this digest; null if it never had such terms.</summary>
    Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellationToken);
}

/// <summary>Postgres did not answer, or the connection was lost during the call: the outcome is unknown.</summary>
public sealed class LedgerUnavailableException(string message, Exception inner) : Exception(message, inner);

/// <summary>
/// Another transaction has held the auction's row for longer than a caller waits. Nothing was done to this auction.
/// </summary>
public sealed class AuctionBusyException(Guid auctionId)
    : Exception($"Another transaction holds the row of auction {auctionId}.")
{
    /// <summary>The earliest time at which a retry is useful.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromSeconds(1);

    public Guid AuctionId { get; } = auctionId;
}

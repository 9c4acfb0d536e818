using Auctions.Core;

namespace Auctions.HotState;

/// <summary>A bid on its way to the deciding script.</summary>
/// <param name="Id">The id that its entry gets, if the script decides it now.</param>
/// <param name="Void">An earlier decision under this key that the ledger refused: it is to be forgotten. Empty = none.</param>
/// <param name="Limited">Whether the bidder's velocity is looked at, and this bid counted.</param>
public readonly record struct Proposal(Guid Id, Bid Bid, Guid Void, bool Limited);

/// <summary>What the script answered to one call.</summary>
/// <param name="Terms">What the decisions were made under.</param>
/// <param name="Bids">One a proposal, in order: decided now, or the first decision under the same key.</param>
public sealed record Proposed(Terms Terms, IReadOnlyList<DecidedBid> Bids);

/// <summary>Redis' head of an auction: what a hydration compares with before it sets.</summary>
public readonly record struct HotHead(long Version, Guid EntryId);

/// <summary>What the sealing script found.</summary>
/// <param name="Sealed">Redis accepts nothing more for this auction.</param>
/// <param name="EndUs">Where not sealed: the effective end by Redis.</param>
/// <param name="NowUs">Redis' clock.</param>
public readonly record struct SealAttempt(bool Sealed, long EndUs, long NowUs);

/// <summary>
/// The fast, speculative decider. It may be wrong at the cost of time, never at the cost of truth. Implemented on Redis, and in
/// memory by the simulation.
/// </summary>
/// <remarks>Every call may throw <see cref="HotStateUnavailableException"/>: whether it took effect is then not known.</remarks>
public interface IHotState
{
    /// <summary>Decides bids on one auction, one after another, atomically. Null where Redis does not hold the auction.</summary>
    /// <param name="proposals">1 to 256.</param>
    Task<Proposed?> DecideAsync(Guid auctionId, IReadOnlyList<Proposal> proposals, CancellationToken cancellationToken);

    /// <summary>Redis' head; null where it does not hold the auction.</summary>
    Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>What was decided and is not known to be in Postgres, in version order.</summary>
    Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>The auctions of which something is pending, in no order; looks through all of Redis.</summary>
    IAsyncEnumerable<Guid> ScanPendingAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Sets the auction to the ledger's head, forgets what is pending and remembers the answers, and the bidders' velocity by them
    /// where nothing is known of it, if Redis' head is still what was <paramref name="seen"/> (null: not there).
    /// </summary>
    /// <returns>Whether it was.</returns>
    Task<bool> HydrateAsync(Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers, CancellationToken cancellationToken);

    /// <summary>Takes out of what is pending whatever stands at versions that Postgres has.</summary>
    Task RemovePendingAsync(Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken);

    /// <summary>Stops accepting bids, where the effective end has come or <paramref name="force"/> is set. Null where Redis does not hold the auction.</summary>
    Task<SealAttempt?> SealAsync(Guid auctionId, bool force, CancellationToken cancellationToken);

    /// <summary>
    /// Drops the auction where Redis cannot have the ledger's entry: it is behind, has another entry at that version, or has
    /// not been hydrated since <paramref name="outsideVersion"/>, the last entry that Redis had not proposed. What is pending stays.
    /// </summary>
    /// <returns>Whether it was dropped.</returns>
    Task<bool> DropIfBehindAsync(Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken);
}

/// <summary>Redis did not answer: whether the call took effect is not known.</summary>
public sealed class HotStateUnavailableException(string message, Exception inner) : Exception(message, inner);

using Auctions.Core;

namespace Auctions.HotState;

/// <summary>A bid for the deciding script.</summary>
/// <param name="Id">The id of the decision, if the script decides the bid in this call.</param>
/// <param name="Replaces">
/// An earlier decision under the same key that conflicted with the ledger. The script forgets it and decides again.
/// Empty = none.
/// </param>
/// <param name="Limited">
/// Whether the bidder's velocity limit applies to this bid. It counts the bid if it is accepted. A purchase is exempt.
/// </param>
public readonly record struct UndecidedBid(Guid Id, Bid Bid, Guid Replaces, bool Limited);

/// <summary>The script's reply to one call.</summary>
/// <param name="Terms">The terms that the bids of this call were decided under.</param>
/// <param name="Bids">One for each bid, in order: decided now, or the first decision under the same key.</param>
public sealed record DecidedBatch(Terms Terms, IReadOnlyList<DecidedBid> Bids);

/// <summary>The head of an auction in Redis. Hydration compares it before it overwrites the auction.</summary>
public readonly record struct HotHead(long Version, Guid EntryId);

/// <summary>
/// The fast, speculative decider. A wrong decision costs time, never truth: the ledger does not take it. Implemented on
/// Redis, and in memory for the simulation.
/// </summary>
/// <remarks>
/// Every call may throw <see cref="HotStateUnavailableException"/>. Whether it took effect is then unknown. Damaged
/// data of an auction throws nothing: it is dropped, and the auction counts as missing.
/// </remarks>
public interface IHotState
{
    /// <summary>
    /// The ledger refused a decision because it was made ahead of the ledger's clock. A Redis that does this repeatedly
    /// is treated as away.
    /// </summary>
    void ReportAhead()
    {
    }

    /// <summary>Decides bids on one auction, one after another, atomically.</summary>
    /// <param name="bids">1 to 256.</param>
    /// <returns>Null if Redis does not hold the auction.</returns>
    Task<DecidedBatch?> DecideAsync(
        Guid auctionId, IReadOnlyList<UndecidedBid> bids, CancellationToken cancellationToken);

    /// <summary>Reads the head in Redis; null if Redis does not hold the auction.</summary>
    Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>Reads the accepted bids that are not known to be in Postgres, in version order.</summary>
    Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>Reads the indexes of all shards: the auctions with pending entries, in no order.</summary>
    Task<IReadOnlyList<Guid>> ReadPendingIndexAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Adds the auctions with pending entries that the indexes miss, and takes over pending entries of the earlier
    /// layout of keys. Scans all of Redis.
    /// </summary>
    /// <returns>How many auctions have pending entries.</returns>
    Task<int> RepairPendingIndexAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Compare-and-set: if the head in Redis is still <paramref name="seen"/> (null: not there), sets the auction to
    /// the ledger's head, removes its pending entries and stores the answers. Where Redis has no velocity window of a
    /// bidder, the window is derived from the answers.
    /// </summary>
    /// <returns>Whether the auction was set.</returns>
    Task<bool> HydrateAsync(Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers,
        CancellationToken cancellationToken);

    /// <summary>
    /// Removes the pending entries at these versions, because Postgres has those versions. Without versions, only puts
    /// the index right.
    /// </summary>
    Task RemovePendingAsync(Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken);

    /// <summary>Stops accepting bids, whatever Redis' clock says.</summary>
    /// <returns>Whether Redis holds the auction.</returns>
    Task<bool> SealAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>
    /// Drops the auction if Redis cannot have this entry of the ledger: Redis is behind it, has another entry at that
    /// version, or was last hydrated before <paramref name="outsideVersion"/>. Pending entries stay.
    /// </summary>
    /// <param name="outsideVersion">
    /// The version of the last entry in the ledger that Redis did not decide; 0 = none.
    /// </param>
    /// <returns>Whether the auction was dropped.</returns>
    Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken);
}

/// <summary>Redis did not answer. Whether the call took effect is unknown.</summary>
public sealed class HotStateUnavailableException(string message, Exception inner) : Exception(message, inner);

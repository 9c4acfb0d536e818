using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.HotState;

/// <summary>
/// Reconciles the hot state with the ledger: appends bids that Redis decided and nobody persisted, and sets auctions in
/// Redis that are missing or wrong.
/// <para>Concurrency: any number of callers and services may recover the same auction at once: the append is
/// idempotent, and hydration is a compare-and-set on Redis' head.</para>
/// <para>Lifecycle: no loop of its own. Runs when a bid does not find its auction in Redis or conflicts with the
/// ledger, in the sweep, and before an auction is sealed.</para>
/// <para>Invariants: a pending entry is removed only when the ledger has an entry at its version. An auction whose head
/// moved in Redis after it was read is not overwritten.</para>
/// <para>Bounds: appends at most <see cref="AppendMax"/> entries in one transaction. <see cref="HydrationQueue"/>
/// bounds hydrations.</para>
/// </summary>
public sealed class Recovery(IHotState hotState, ILedger ledger)
{
    private const int AppendMax = 500;

    /// <summary>Waits for the row of an auction that is busy. Each takes some 50 ms to half a second.</summary>
    private const int BusyMax = 4;

    private readonly HydrationQueue _hydrations = new(hotState, ledger);

    /// <summary>Whether a fault says that a store does not answer, and nothing about an auction.</summary>
    public static bool IsAway(Exception fault) => fault is HotStateUnavailableException or LedgerUnavailableException;

    /// <summary>
    /// Appends Redis' pending entries in version order. An entry that does not follow from the ledger or from the rules
    /// is left out.
    /// </summary>
    /// <param name="waits">Whether to wait for an auction whose row another transaction has locked.</param>
    /// <returns>Whether any entry was left out. Redis' state then differs from the ledger's.</returns>
    /// <exception cref="AuctionBusyException">The auction's row stays locked. Nothing was left out.</exception>
    public async Task<bool> AppendPendingAsync(
        Guid auctionId, CancellationToken cancellationToken, bool waits = true)
    {
        var pending = await hotState.ReadPendingAsync(auctionId, cancellationToken);
        if (pending.Count == 0) return false;
        Head head;
        try
        {
            if (await ledger.ReadHeadAsync(auctionId, cancellationToken) is not { } found) return false;
            head = found;
        }
        catch (UnreadableAuctionException)
        {
            return true; // no entry can be checked by terms that cannot be read
        }

        var committed = CountCommitted(pending, head);
        await RemoveAsync(pending.Take(committed));
        DecidedBid[] valid = [.. pending.Skip(committed).Where(b => b.FollowsUnder(head.Terms))];
        var diverged = valid.Length < pending.Count - committed;
        foreach (var chunk in valid.Chunk(AppendMax))
        {
            var results = await AppendAsync(auctionId, chunk, waits, cancellationToken);
            await RemoveAsync(chunk.Where((_, i) => IsInLedger(results[i])));
            diverged |= !results.All(IsInLedger);
        }

        return diverged;

        async Task RemoveAsync(IEnumerable<DecidedBid> bids)
        {
            long[] versions = [.. bids.Select(b => b.Version)];
            if (versions.Length > 0) await hotState.RemovePendingAsync(auctionId, versions, cancellationToken);
        }

        static bool IsInLedger(AppendResult result) =>
            result.Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere;
    }

    private async Task<AppendResult[]> AppendAsync(
        Guid auctionId, DecidedBid[] bids, bool waits, CancellationToken cancellationToken)
    {
        var results = await ledger.AppendAsync(bids, fresh: [], agesUs: [], cancellationToken);
        for (var attempt = 0; results.Any(r => r.Outcome == AppendOutcome.Busy); attempt++)
        {
            if (!waits || attempt == BusyMax) throw new AuctionBusyException(auctionId);
            results = await ledger.AppendWaitingAsync(bids, agesUs: [], cancellationToken);
        }

        return results;
    }

    /// <summary>
    /// The number of pending entries, from the first, that are in the ledger already: a chain without a gap that ends
    /// in the ledger's head. They have only not been removed yet. A hot auction may have thousands of them, and there
    /// is no need to send them again.
    /// </summary>
    private static int CountCommitted(IReadOnlyList<DecidedBid> pending, Head head)
    {
        for (var i = 0; i < pending.Count; i++)
        {
            if (i > 0 && pending[i].Prev != pending[i - 1].Id) return 0;
            if (pending[i].Id == head.EntryId) return i + 1;
        }

        return 0;
    }

    /// <summary>Puts a new auction, which has no answers, into Redis, unless Redis holds it already.</summary>
    public Task WarmAsync(Guid auctionId, Head head, CancellationToken cancellationToken) =>
        hotState.HydrateAsync(auctionId, seen: null, head, [], cancellationToken);

    /// <summary>
    /// Appends the pending entries, then sets Redis to the ledger's head. Leaves the auction alone if it moves in Redis
    /// meanwhile: either the ledger takes what moved it, or the next bid conflicts and hydrates again.
    /// </summary>
    /// <param name="waits">Whether to wait for an auction whose row another transaction has locked.</param>
    /// <returns>The ledger's head; null if there is no such auction.</returns>
    /// <exception cref="UnreadableAuctionException">Redis stays as it is.</exception>
    /// <exception cref="AuctionBusyException">
    /// The auction's row stays locked, and pending entries wait for it.
    /// </exception>
    public async Task<Head?> HydrateAsync(Guid auctionId, CancellationToken cancellationToken, bool waits = true)
    {
        var hydrated = await _hydrations.AddAsync(auctionId, isAppended: false);
        if (!hydrated.HasPending) return hydrated.Head;
        await AppendPendingAsync(auctionId, cancellationToken, waits);
        return (await _hydrations.AddAsync(auctionId, isAppended: true)).Head;
    }
}

using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.HotState;

/// <summary>
/// Reconciles the hot state with the ledger: appends bids that Redis decided and nobody persisted, and sets auctions in
/// Redis that are missing or wrong.
/// <para>Concurrency: stateless. Any number of services may recover the same auction at once: the append is idempotent,
/// and hydration is a compare-and-set on Redis' head.</para>
/// <para>Lifecycle: no loop of its own. Runs when a bid does not find its auction in Redis or conflicts with the
/// ledger, in the sweep, and before an auction is sealed.</para>
/// <para>Invariants: a pending entry is removed only when the ledger has an entry at its version. An auction whose head
/// moved in Redis after it was read is not overwritten.</para>
/// <para>Bounds: appends at most <see cref="AppendMax"/> entries in one transaction; restores at most
/// <see cref="AnswersMax"/> answers.</para>
/// </summary>
public sealed class Recovery(IHotState hotState, ILedger ledger)
{
    /// <summary>How many of the newest answers return to Redis as idempotency records.</summary>
    public const int AnswersMax = 500;

    private const int AppendMax = 500;

    /// <summary>
    /// Appends Redis' pending entries in version order. An entry that does not follow from the ledger or from the rules
    /// is left out.
    /// </summary>
    /// <returns>Whether any entry was left out. Redis' state then differs from the ledger's.</returns>
    public async Task<bool> AppendPendingAsync(Guid auctionId, CancellationToken cancellationToken)
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
            var results = await ledger.AppendAsync(chunk, fresh: [], cancellationToken);
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

    /// <summary>
    /// Appends the pending entries, then sets Redis to the ledger's head. Leaves the auction alone if it moves in Redis
    /// meanwhile: either the ledger takes what moved it, or the next bid conflicts and hydrates again.
    /// </summary>
    /// <returns>The ledger's head; null if there is no such auction.</returns>
    /// <exception cref="UnreadableAuctionException">Redis stays as it is.</exception>
    public async Task<Head?> HydrateAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        var seen = await hotState.ReadHeadAsync(auctionId, cancellationToken);
        await AppendPendingAsync(auctionId, cancellationToken);
        var head = await ledger.ReadHeadAsync(auctionId, cancellationToken);
        if (head is null) return null;
        var answers = await ledger.ReadRecentAnswersAsync(auctionId, AnswersMax, cancellationToken);
        await hotState.HydrateAsync(auctionId, seen, head, answers, cancellationToken);
        return head;
    }
}

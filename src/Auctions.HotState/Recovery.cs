using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace Auctions.HotState;

/// <summary>
/// Brings hot state and ledger together again: what was decided and never persisted is appended, and what Redis has wrong or not
/// at all is set from the ledger. Both are safe at any time, by any number of services at once.
/// </summary>
public sealed class Recovery(IHotState hotState, ILedger ledger)
{
    /// <summary>How many of the newest answers come back into Redis as idempotency records.</summary>
    public const int AnswersMax = 500;

    private const int ChunkMax = 500;

    /// <summary>
    /// Appends what Redis holds as pending, in version order. What does not follow from the ledger, or not from the rules, stays out of it.
    /// </summary>
    /// <returns>Whether any of it stayed out: Redis' state is then not the ledger's.</returns>
    public async Task<bool> AppendPendingAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        var pending = await hotState.ReadPendingAsync(auctionId, cancellationToken);
        if (pending.Count == 0 || await ledger.ReadHeadAsync(auctionId, cancellationToken) is not { } head) return false;
        var joined = Joined(pending, head);
        await hotState.RemovePendingAsync(auctionId, [.. pending.Take(joined).Select(b => b.Version)], cancellationToken);
        DecidedBid[] lawful = [.. pending.Skip(joined).Where(b => b.FollowsUnder(head.Terms))];
        var strayed = lawful.Length < pending.Count - joined;
        foreach (var chunk in lawful.Chunk(ChunkMax))
        {
            var results = await ledger.AppendAsync(chunk, fresh: [], cancellationToken);
            await hotState.RemovePendingAsync(auctionId, [.. chunk.Where((_, i) => InLedger(results[i])).Select(b => b.Version)], cancellationToken);
            strayed |= !results.All(InLedger);
        }

        return strayed;

        static bool InLedger(AppendResult result) => result.Outcome is AppendOutcome.Appended or AppendOutcome.AlreadyThere;
    }

    /// <summary>
    /// How many of the pending entries, from the first, are in the ledger by their looks: a chain that ends in its head. They have only not been
    /// taken out yet, and of a hot auction there may be thousands.
    /// </summary>
    private static int Joined(IReadOnlyList<DecidedBid> pending, Head head)
    {
        var joined = 0;
        while (joined < pending.Count && pending[joined].Id != head.EntryId)
        {
            if (joined > 0 && pending[joined].Prev != pending[joined - 1].Id) return 0;
            joined++;
        }

        return joined < pending.Count && (joined == 0 || pending[joined].Prev == pending[joined - 1].Id) ? joined + 1 : 0;
    }

    /// <summary>
    /// Sets Redis to the ledger's head, after what is pending has joined it. Where Redis moves meanwhile it is left alone:
    /// whoever moved it knew more, or finds out by a refusal.
    /// </summary>
    /// <returns>The ledger's head; null where there is no such auction.</returns>
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

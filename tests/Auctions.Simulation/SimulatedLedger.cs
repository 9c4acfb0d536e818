using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.Simulation;

/// <summary>One auction's chain and answers, in memory.</summary>
internal sealed class Chain(Head opened)
{
    public List<LedgerEntry> Entries { get; } =
    [
        new(0, opened.EntryId, Guid.Empty, EntryKind.Opened, null, default, opened.State, 0, opened.Terms, "",
            EndReason.None),
    ];

    /// <summary>When each entry was appended, in the simulation's own time.</summary>
    public List<long> CommittedUs { get; } = [0];

    public Dictionary<(string Bidder, Guid Key), DecidedBid> Answers { get; } = [];

    /// <summary>Every recorded answer. Without <see cref="Guards.UniqueKey"/> a key may have two.</summary>
    public List<DecidedBid> AllAnswers { get; } = [];

    public Head Head { get; set; } = opened;
}

/// <summary>
/// The rules of the append, one entry at a time and easy to read; <c>append.sql</c> does the same for whole sets.
/// All instances share it. It needs no row lock, because the simulation has only one thread.
/// </summary>
internal sealed class SimulatedLedger(SimulatedScheduler scheduler, Guards guards)
{
    public Dictionary<Guid, Chain> Chains { get; } = [];

    public AppendResult[] Append(IReadOnlyList<DecidedBid> bids) => [.. bids.Select(Append)];

    /// <summary>Appends the sealing entry on top of the head.</summary>
    /// <returns>The sealing entry; null if the end has not come yet.</returns>
    public LedgerEntry? Seal(Guid auctionId, long nowUs)
    {
        var chain = Chains[auctionId];
        var head = chain.Head;
        if (head.State.IsOver) return chain.Entries[^1];
        if (nowUs < head.State.EndUs) return null;
        var after = head.State with { Status = AuctionStatus.Ended };
        var entry = new LedgerEntry(head.Version + 1, Guid.CreateVersion7(), head.EntryId, EntryKind.Sealed, null,
            default, after, nowUs, null, Rules.Winner(head.Terms, head.State), EndReason.Time);
        chain.Entries.Add(entry);
        chain.CommittedUs.Add(scheduler.NowUs);
        chain.Head = head with { Version = entry.Version, EntryId = entry.Id, State = after };
        return entry;
    }

    private AppendResult Append(DecidedBid bid)
    {
        var chain = Chains[bid.AuctionId];
        if (chain.AllAnswers.Find(a => a.Id == bid.Id) is { } same)
            return new AppendResult(AppendOutcome.AlreadyThere, same);
        if (Has(Guards.UniqueKey) && chain.Answers.TryGetValue((bid.Bid.Bidder, bid.Bid.Key), out var answer))
            return new AppendResult(AppendOutcome.Answered, answer);
        var outcome = bid.Accepted ? AppendAccepted(chain, bid) : CheckRejected(chain, bid);
        if (outcome != AppendOutcome.Appended) return new AppendResult(outcome, null);
        chain.Answers.TryAdd((bid.Bid.Bidder, bid.Bid.Key), bid);
        chain.AllAnswers.Add(bid);
        return new AppendResult(outcome, bid);
    }

    private AppendOutcome AppendAccepted(Chain chain, DecidedBid bid)
    {
        var head = chain.Head;
        if (bid.Version > head.Version + 1) return AppendOutcome.Early;
        if (Has(Guards.Predecessor) && (bid.Version != head.Version + 1 || bid.Prev != head.EntryId))
            return AppendOutcome.Conflict;
        if (Has(Guards.Before) && (bid.Before != head.State || bid.TermsDigest != head.Terms.Digest))
            return AppendOutcome.Conflict;
        if (Has(Guards.End) && (head.State.IsOver || bid.DecidedUs >= bid.Before.EndUs)) return AppendOutcome.Conflict;
        var entry = new LedgerEntry(head.Version + 1, bid.Id, bid.Prev, EntryKind.Bid, bid.Bid, bid.Outcome, bid.After,
            bid.DecidedUs, null, "", EndReason.None);
        chain.Entries.Add(entry);
        chain.CommittedUs.Add(scheduler.NowUs);
        if (Has(Guards.HeadMoves))
            chain.Head = head with { Version = entry.Version, EntryId = bid.Id, State = bid.After };
        return AppendOutcome.Appended;
    }

    private AppendOutcome CheckRejected(Chain chain, DecidedBid bid)
    {
        if (!Has(Guards.RejectionBasis)) return AppendOutcome.Appended;
        if (bid.Version > chain.Head.Version) return AppendOutcome.Early;
        var basis = chain.Entries[(int)bid.Version];
        if (basis.Id != bid.Prev) return AppendOutcome.Conflict;
        if (bid.Version < chain.Head.Version && chain.Entries[(int)bid.Version + 1].DecidedUs < bid.DecidedUs)
            return AppendOutcome.Conflict;
        return bid.Before == basis.After && bid.TermsDigest == chain.Head.Terms.Digest
            ? AppendOutcome.Appended
            : AppendOutcome.Conflict;
    }

    private bool Has(Guards guard) => guards.HasFlag(guard);
}

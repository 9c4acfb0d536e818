using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.Simulation;

/// <summary>
/// The rules of the append, one entry at a time and easy to read; <c>append.sql</c> does the same for whole sets.
/// All instances share it. It takes no row lock, because the simulation has only one thread; <see cref="Locked"/> are
/// the rows of other transactions.
/// </summary>
internal sealed partial class SimulatedLedger(SimulatedScheduler scheduler, Guards guards)
{
    /// <summary>How far ahead of the ledger's clock a bid may be decided, microseconds.</summary>
    private const long AheadMaxUs = 1_000_000;

    private readonly SimulatedTimeProvider _timeProvider = new(scheduler);

    public Dictionary<Guid, Chain> Chains { get; } = [];

    /// <summary>The auctions whose rows other transactions hold.</summary>
    public HashSet<Guid> Locked { get; } = [];

    /// <summary>The ledger's clock, in microseconds since 1970. It never goes back.</summary>
    public long NowUs => _timeProvider.GetUtcNow().ToMicroseconds();

    /// <summary>The ledger's clock jumps ahead by this much.</summary>
    public void StepClock(ulong us) => _timeProvider.ErrorUs += (long)us;

    public AppendResult[] Append(IReadOnlyList<DecidedBid> bids, long[] agesUs) =>
        [.. bids.Select((bid, i) => Append(bid, agesUs.Length == 0 ? 0 : agesUs[i]))];

    private AppendResult Append(DecidedBid bid, long ageUs)
    {
        var chain = Chains[bid.AuctionId];
        if (chain.AllAnswers.Find(a => a.Id == bid.Id) is { } same)
            return new AppendResult(AppendOutcome.AlreadyThere, same);
        if (Has(Guards.UniqueKey) && chain.Answers.TryGetValue((bid.Bid.Bidder, bid.Bid.Key), out var answer))
            return new AppendResult(AppendOutcome.Answered, answer);
        if (Locked.Contains(bid.AuctionId)) return new AppendResult(AppendOutcome.Busy, null);
        var outcome = bid.Accepted ? AppendAccepted(chain, bid) : CheckRejected(chain, bid, ageUs);
        if (outcome != AppendOutcome.Appended) return new AppendResult(outcome, null);
        chain.Answers.TryAdd((bid.Bid.Bidder, bid.Bid.Key), bid);
        chain.AllAnswers.Add(bid);
        chain.RecordedUs[bid.Id] = NowUs;
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
        var isPurchase = bid.Bid.Kind == BidKind.BuyNow;
        if (Has(Guards.Time) && bid.DecidedUs < head.DecidedUs + (isPurchase ? 1 : 0)) return AppendOutcome.Conflict;
        if (Has(Guards.Ahead) && bid.DecidedUs > NowUs + AheadMaxUs) return AppendOutcome.Ahead;
        if (Has(Guards.End) && (!head.State.IsOpen || bid.DecidedUs >= bid.Before.EndUs)) return AppendOutcome.Conflict;
        var entry = new LedgerEntry(head.Version + 1, bid.Id, bid.Prev, EntryKind.Bid, bid.Bid, bid.Outcome, bid.After,
            bid.DecidedUs, null, "", EndReason.None);
        Add(chain, entry, Has(Guards.HeadMoves));
        return AppendOutcome.Appended;
    }

    private AppendOutcome CheckRejected(Chain chain, DecidedBid bid, long ageUs)
    {
        if (!Has(Guards.RejectionBasis)) return AppendOutcome.Appended;
        if (bid.Version > chain.Head.Version) return AppendOutcome.Early;
        var basis = chain.Entries[(int)bid.Version];
        if (basis.Id != bid.Prev) return AppendOutcome.Conflict;
        if (Has(Guards.Time) && bid.DecidedUs < basis.DecidedUs) return AppendOutcome.Conflict;
        if (Has(Guards.Ahead) && bid.DecidedUs > NowUs + AheadMaxUs) return AppendOutcome.Ahead;
        if (chain.Entries.ElementAtOrDefault((int)bid.Version + 1) is { } next)
        {
            if (next.DecidedUs < bid.DecidedUs) return AppendOutcome.Conflict;
            if (Has(Guards.Outdated) && chain.RecordedUs[next.Id] < NowUs - ageUs) return AppendOutcome.Conflict;
        }

        return bid.Before == basis.After && bid.TermsDigest == chain.Head.Terms.Digest
            ? AppendOutcome.Appended
            : AppendOutcome.Conflict;
    }

    private void Add(Chain chain, LedgerEntry entry, bool movesHead = true)
    {
        chain.Entries.Add(entry);
        chain.CommittedUs.Add(scheduler.NowUs);
        chain.RecordedUs[entry.Id] = NowUs;
        if (!movesHead) return;
        chain.Head = chain.Head with
        {
            Version = entry.Version,
            EntryId = entry.Id,
            State = entry.After,
            DecidedUs = entry.DecidedUs,
        };
    }

    private bool Has(Guards guard) => guards.HasFlag(guard);
}

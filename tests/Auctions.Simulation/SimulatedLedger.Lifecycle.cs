using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.Simulation;

/// <summary>
/// Starting, claiming and sealing: what <c>start.sql</c>, <c>starting.sql</c>, <c>claim_due.sql</c>,
/// <c>next_instants.sql</c> and <c>seal.sql</c> do, by the ledger's clock.
/// </summary>
internal sealed partial class SimulatedLedger
{
    private static readonly long SellerBoundUs = (long)LedgerLifecycle.SellerBound.TotalMicroseconds;

    private readonly HashSet<Guid> _claimed = [];

    public List<AuctionRow> ReadAuctions(IEnumerable<Guid> ids) =>
        [.. ids.Where(Chains.ContainsKey).Select(id => Chains[id].Row(id))];

    public List<Guid> FindStarting(int limit, IReadOnlyCollection<Guid> aside) =>
    [
        .. Chains.Where(c => IsStarting(c.Value) && !aside.Contains(c.Key))
            .OrderBy(c => c.Value.Head.Terms.StartUs).Select(c => c.Key).Take(limit),
    ];

    public List<Guid> Start(IEnumerable<Guid> ids)
    {
        var started = ids.Where(id => IsStarting(Chains[id]) && !Locked.Contains(id)).ToList();
        foreach (var id in started)
        {
            var chain = Chains[id];
            var active = chain.Head.State with { Status = AuctionStatus.Active };
            Add(chain, Next(chain.Head, EntryKind.Started, active, NextUs(chain), "", EndReason.None));
        }

        return started;
    }

    public List<long> FindNextInstants(long aheadUs, long stepUs, int limit) =>
    [
        .. Chains.Values.Where(c => c.Head.State.IsOpen).SelectMany(c => Instants(c.Head))
            .Where(us => us > NowUs && us <= NowUs + aheadUs).Select(us => (us + stepUs - 1) / stepUs * stepUs)
            .Distinct().Order().Take(limit),
    ];

    /// <summary>Claims due auctions that nobody else has claimed.</summary>
    public List<Guid> ClaimDue(int limit, IReadOnlyCollection<Guid> aside)
    {
        var due = Chains.Where(c => IsDue(c.Value.Head.State))
            .OrderBy(c => c.Value.Head.State.EndUs).Select(c => c.Key)
            .Where(id => !_claimed.Contains(id) && !aside.Contains(id)).Take(limit).ToList();
        _claimed.UnionWith(due);
        return due;
    }

    public void Release(IEnumerable<Guid> claimed) => _claimed.ExceptWith(claimed);

    public IReadOnlyList<SealResult> Seal(IEnumerable<SealRequest> requests) => [.. requests.Select(Seal)];

    private static IEnumerable<long> Instants(Head head) =>
        head.State.Status == AuctionStatus.Scheduled ? [head.Terms.StartUs, head.State.EndUs] : [head.State.EndUs];

    private bool IsStarting(Chain chain) =>
        chain.Head.State.Status == AuctionStatus.Scheduled && chain.Head.Terms.StartUs <= NowUs;

    private SealResult Seal(SealRequest request)
    {
        if (!Chains.TryGetValue(request.AuctionId, out var chain))
            return new SealResult(SealOutcome.NoSuchAuction, null);
        if (Locked.Contains(request.AuctionId)) return new SealResult(SealOutcome.Busy, chain.Row(request.AuctionId));

        var outcome = Judge(chain, request);
        if (outcome == SealOutcome.Sealed) AppendSealing(chain, request);
        return new SealResult(outcome, chain.Row(request.AuctionId));
    }

    /// <summary>The time of an entry that is not a bid: later than the last one, whatever clock that had.</summary>
    private long NextUs(Chain chain) => Math.Max(NowUs, chain.Entries[^1].DecidedUs + 1);

    /// <summary>By the ledger's clock, or because it is bought.</summary>
    private bool IsDue(AuctionState state) =>
        state.Status == AuctionStatus.Bought || (state.IsOpen && state.EndUs <= NowUs);

    private SealOutcome Judge(Chain chain, SealRequest request)
    {
        var (terms, state) = (chain.Head.Terms, chain.Head.State);
        if (state.IsOver) return SealOutcome.AlreadyOver;
        if (IsDue(state)) return SealOutcome.Sealed;
        if (request.Cause == SealCause.Time) return SealOutcome.NotYet;
        if (request.Cause != SealCause.Cancelled && state.Status == AuctionStatus.Scheduled && terms.StartUs > NowUs)
            return SealOutcome.NotStarted;
        return !request.ByService && state.BidCount > 0 && Rules.ReserveMet(terms, state)
            && state.EndUs - NowUs <= SellerBoundUs
            ? SealOutcome.TooLate
            : SealOutcome.Sealed;
    }

    private void AppendSealing(Chain chain, SealRequest request)
    {
        var (terms, state) = (chain.Head.Terms, chain.Head.State);
        var nowUs = NextUs(chain);
        var isDue = IsDue(state);
        var isBought = state.Status == AuctionStatus.Bought;
        var isCancelled = request.Cause == SealCause.Cancelled && !isDue;
        var after = state with
        {
            Status = isCancelled ? AuctionStatus.Cancelled : AuctionStatus.Ended,
            EndUs = request.Cause != SealCause.Cancelled && !isDue ? nowUs : state.EndUs,
        };
        var reason = isDue ? isBought ? EndReason.BoughtNow : EndReason.Time
            : isCancelled ? EndReason.None
            : request.Cause == SealCause.EndedByService ? EndReason.EndedByService
            : EndReason.EndedBySeller;
        if (!isDue) chain.CancelReason = request.Reason;
        Add(chain, Next(chain.Head, EntryKind.Sealed, after, nowUs, Rules.Winner(terms, after), reason));
    }

    private static LedgerEntry Next(
        Head head, EntryKind kind, AuctionState after, long decidedUs, string winner, EndReason reason) =>
        new(head.Version + 1, Guid.CreateVersion7(), head.EntryId, kind, null, default, after, decidedUs, null, winner,
            reason);
}

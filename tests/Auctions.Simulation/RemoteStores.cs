using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace Auctions.Simulation;

/// <summary>Redis as one instance sees it.</summary>
internal sealed class RemoteRedis(SimulatedNetwork network, Func<SimulatedRedis> redis, Guards guards) : IHotState
{
    public Task<DecidedBatch?> DecideAsync(
        Guid auctionId, IReadOnlyList<UndecidedBid> proposals, CancellationToken cancellationToken) =>
        CallAsync(r => r.Decide(auctionId, proposals));

    public Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) => CallAsync(r =>
        r.Find(auctionId) is { } hot ? new HotHead(hot.Head.Version, hot.Head.EntryId) : (HotHead?)null);

    public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync(r => (IReadOnlyList<DecidedBid>)(
            guards.HasFlag(Guards.Completion) && r.Find(auctionId) is { } hot ? [.. hot.Pending.Values] : []));

    public Task<IReadOnlyList<Guid>> ReadPendingIndexAsync(CancellationToken cancellationToken) =>
        CallAsync(r => (IReadOnlyList<Guid>)r.WithPending());

    /// <summary>The simulation's index misses nothing.</summary>
    public Task<int> RepairPendingIndexAsync(CancellationToken cancellationToken) =>
        CallAsync(r => r.WithPending().Length);

    public Task<bool> HydrateAsync(
        Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers,
        CancellationToken cancellationToken) =>
        CallAsync(r => r.Hydrate(auctionId, seen, head, answers));

    public Task RemovePendingAsync(
        Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken) =>
        CallAsync(r =>
        {
            r.RemovePending(auctionId, versions);
            return true;
        });

    public Task<bool> SealAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync(r => guards.HasFlag(Guards.SealFirst) && r.Seal(auctionId));

    public Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken) =>
        CallAsync(r => r.DropIfBehind(auctionId, version, entryId, outsideVersion));

    private Task<T> CallAsync<T>(Func<SimulatedRedis, T> effect) => network.CallAsync(
        () => redis() is { Down: false } up ? effect(up) : throw Unavailable(), Unavailable);

    private static HotStateUnavailableException Unavailable() => new("simulated", new TimeoutException());
}

/// <summary>The ledger as one instance sees it.</summary>
internal sealed class RemoteLedger(SimulatedNetwork network, SimulatedLedger ledger, Func<bool> down, Guards guards)
    : ILedger
{
    public async Task<AppendResult[]> AppendAsync(
        IReadOnlyList<DecidedBid> bids, bool[] fresh, long[] agesUs, CancellationToken cancellationToken)
    {
        if (guards.HasFlag(Guards.AnswerAfterCommit)) return await CallAsync(() => ledger.Append(bids, agesUs));

        // Without the guard the answer does not wait for the commit, which may fail.
        _ = CallAsync(() => ledger.Append(bids, agesUs))
            .ContinueWith(t => t.Exception, TaskScheduler.FromCurrentSynchronizationContext());
        return [.. bids.Select(b => new AppendResult(AppendOutcome.Appended, b))];
    }

    public Task<AppendResult[]> AppendWaitingAsync(
        IReadOnlyList<DecidedBid> bids, long[] agesUs, CancellationToken cancellationToken) => network.CallWaitingAsync(
        () => AppendAsync(bids, [], agesUs, cancellationToken), results => results[0].Outcome == AppendOutcome.Busy);

    public Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Chains.GetValueOrDefault(auctionId)?.Head);

    public Task<(Head Head, long NowUs)?> ReadHeadAndClockAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync<(Head, long)?>(() =>
            ledger.Chains.GetValueOrDefault(auctionId) is { } chain ? (chain.Head, ledger.NowUs) : null);

    public Task<ILookup<Guid, DecidedBid>> ReadRecentAnswersAsync(
        IReadOnlyCollection<Guid> auctionIds, int limit, CancellationToken cancellationToken) => CallAsync(() =>
        auctionIds.SelectMany(id => ledger.Chains[id].Answers.Values.TakeLast(limit)).ToLookup(a => a.AuctionId));

    public Task<IReadOnlyDictionary<Guid, Head>> ReadHeadsAsync(
        IReadOnlyCollection<Guid> auctionIds, CancellationToken cancellationToken) => CallAsync(() =>
        (IReadOnlyDictionary<Guid, Head>)auctionIds.Distinct().Where(ledger.Chains.ContainsKey)
            .ToDictionary(id => id, id => ledger.Chains[id].Head));

    public Task<DecidedBid?> FindAnswerAsync(
        Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Chains.GetValueOrDefault(auctionId)?.Answers.GetValueOrDefault((bidder, key)));

    public Task<ILookup<string, long>> ReadDecisionTimesAsync(
        Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Chains[auctionId].Answers.Values
            .Where(a => bidders.Contains(a.Bid.Bidder) && a.DecidedUs > sinceUs)
            .OrderBy(a => a.DecidedUs).ToLookup(a => a.Bid.Bidder, a => a.DecidedUs));

    public Task<Terms?> FindTermsAsync(Guid auctionId, string digest, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Chains[auctionId].Head.Terms is var terms && terms.Digest == digest ? terms : null);

    private Task<T> CallAsync<T>(Func<T> effect) =>
        network.CallAsync(() => down() ? throw Unavailable() : effect(), Unavailable);

    internal static LedgerUnavailableException Unavailable() => new("simulated", new TimeoutException());
}

/// <summary>The ledger's lifecycle and waves as one instance of AuctionService sees them.</summary>
internal sealed class RemoteLifecycle(SimulatedNetwork network, SimulatedLedger ledger, Func<bool> down)
    : ILedgerLifecycle, ILedgerWaves
{
    private readonly HashSet<Guid> _claimed = [];

    public async Task<AuctionRow?> ReadAuctionAsync(Guid auctionId, CancellationToken cancellationToken) =>
        (await ReadAuctionsAsync([auctionId], cancellationToken)).SingleOrDefault();

    public Task<List<AuctionRow>> ReadAuctionsAsync(
        IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.ReadAuctions(auctionIds));

    public async Task<SealResult> SealAsync(SealRequest request, CancellationToken cancellationToken) =>
        (await network.CallWaitingAsync(
            () => SealAsync([request], cancellationToken), results => results[0].Outcome == SealOutcome.Busy))[0];

    public Task<IReadOnlyList<SealResult>> SealAsync(
        IReadOnlyList<SealRequest> requests, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Seal(requests));

    public Task<List<Guid>> StartAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Start(auctionIds));

    public Task<List<Guid>> FindStartingAsync(
        int limit, IReadOnlyCollection<Guid> aside, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.FindStarting(limit, aside));

    /// <summary>If the reply is lost, the connection is too, and the claim ends with it.</summary>
    public async Task<DueClaim> ClaimDueAsync(
        int limit, IReadOnlyCollection<Guid> aside, CancellationToken cancellationToken)
    {
        try
        {
            var due = await CallAsync(() =>
            {
                var claimed = ledger.ClaimDue(limit, aside);
                _claimed.UnionWith(claimed);
                return claimed;
            });
            return new DueClaim(due, new Claim(this));
        }
        catch (LedgerUnavailableException)
        {
            EndClaims();
            throw;
        }
    }

    public Task<List<long>> FindNextInstantsAsync(
        long aheadUs, long stepUs, int limit, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.FindNextInstants(aheadUs, stepUs, limit));

    /// <summary>Waves of a process run one after another: at most one claim is open.</summary>
    public void EndClaims()
    {
        ledger.Release(_claimed);
        _claimed.Clear();
    }

    private Task<T> CallAsync<T>(Func<T> effect) => network.CallAsync(
        () => down() ? throw RemoteLedger.Unavailable() : effect(), RemoteLedger.Unavailable);

    private sealed class Claim(RemoteLifecycle lifecycle) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            lifecycle.EndClaims();
            return ValueTask.CompletedTask;
        }
    }
}

using Auctions.Core;
using Auctions.HotState;
using Auctions.Ledger;

namespace Auctions.Simulation;

/// <summary>
/// The network between one instance and the stores. Every message takes time. A request or its reply may be lost, and a
/// request may arrive twice. An instance that has died gets no replies.
/// </summary>
/// <param name="lossShare">The share of calls whose request is lost; the same share loses the reply, and the same share
/// arrives twice.</param>
internal sealed class SimulatedNetwork(SimulatedScheduler scheduler, Random random, Func<double> lossShare)
{
    public bool Dead { get; set; }

    /// <summary>Sends a request and waits for its reply.</summary>
    /// <param name="effect">What the server does. Its exception comes back as the reply.</param>
    /// <param name="lost">What the caller gets after it has waited too long.</param>
    public async Task<T> CallAsync<T>(Func<T> effect, Func<Exception> lost)
    {
        await TravelAsync();
        var fate = random.NextDouble() / Math.Max(lossShare(), 1e-9);
        if (fate < 1) throw await TimeOutAsync(lost);
        var reply = effect();
        if (fate is >= 2 and < 3) reply = effect();
        await TravelAsync();
        return fate is >= 1 and < 2 ? throw await TimeOutAsync(lost) : reply;
    }

    private async Task<Exception> TimeOutAsync(Func<Exception> lost)
    {
        await TravelAsync(10);
        return lost();
    }

    private async Task TravelAsync(int times = 1)
    {
        var us = random.Next(50, 1_500) * times;
        await scheduler.DelayAsync(random.Next(40) == 0 ? us * 20 : us);
        if (Dead) await new TaskCompletionSource().Task;
    }
}

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

    /// <summary>Only the sweep needs this, and the simulation has none: it looks at every auction at its end.</summary>
    public IAsyncEnumerable<Guid> ScanPendingAsync(CancellationToken cancellationToken) =>
        throw new NotSupportedException();

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

    public Task<SealAttempt?> SealAsync(Guid auctionId, bool force, CancellationToken cancellationToken) =>
        CallAsync(r => r.Seal(auctionId, force));

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
        IReadOnlyList<DecidedBid> bids, bool[] fresh, CancellationToken cancellationToken)
    {
        if (guards.HasFlag(Guards.AnswerAfterCommit)) return await CallAsync(() => ledger.Append(bids));

        // Without the guard the answer does not wait for the commit, which may fail.
        _ = CallAsync(() => ledger.Append(bids))
            .ContinueWith(t => t.Exception, TaskScheduler.FromCurrentSynchronizationContext());
        return [.. bids.Select(b => new AppendResult(AppendOutcome.Appended, b))];
    }

    public Task<Head?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync(() => ledger.Chains.GetValueOrDefault(auctionId)?.Head);

    public Task<IReadOnlyList<DecidedBid>> ReadRecentAnswersAsync(
        Guid auctionId, int limit, CancellationToken cancellationToken) =>
        CallAsync(() => (IReadOnlyList<DecidedBid>)[.. ledger.Chains[auctionId].Answers.Values.TakeLast(limit)]);

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

    /// <summary>Not part of the bid path: AuctionService's closing wave seals.</summary>
    public Task<LedgerEntry?> SealAsync(Guid auctionId, long nowUs) => CallAsync(() => ledger.Seal(auctionId, nowUs));

    private Task<T> CallAsync<T>(Func<T> effect) =>
        network.CallAsync(() => down() ? throw Unavailable() : effect(), Unavailable);

    private static LedgerUnavailableException Unavailable() => new("simulated", new TimeoutException());
}

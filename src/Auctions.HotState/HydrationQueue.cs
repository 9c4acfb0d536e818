using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.HotState;

/// <summary>
/// Sets auctions in Redis to the ledger's state, many together: one query reads all heads, one all answers. What
/// arrives while a batch is on its way goes into the next one, so that a single auction waits for nothing, and
/// thousands after a loss of Redis take few round trips.
/// <para>
/// Concurrency: any number of callers. <see cref="BatchesMax"/> loops hydrate a batch each; <c>_lock</c> guards
/// <c>_waiting</c> and <c>_loops</c>.
/// </para>
/// <para>Lifecycle: a loop starts when an auction arrives and fewer run, and ends when none waits.</para>
/// <para>
/// Invariants: Redis' head is read before the ledger's, so that a change in between is not overwritten. In order of
/// arrival. An auction that fails does not fail the others of its batch: they are hydrated again, one by one (I10).
/// </para>
/// <para>
/// Bounds: <see cref="AuctionsMax"/> (64) auctions and <see cref="AnswersMax"/> (2,000) answers in a batch, and
/// <see cref="BatchesMax"/> (2) connections to Postgres.
/// </para>
/// </summary>
internal sealed class HydrationQueue(IHotState hotState, ILedger ledger)
{
    private const int AuctionsMax = 64;
    private const int BatchesMax = 2;

    /// <summary>The answers of a batch, and of each of its auctions, that return to Redis.</summary>
    private const int AnswersMax = 2_000, AnswersPerAuctionMax = 500;

    private readonly Lock _lock = new();
    private readonly Queue<Request> _waiting = new();
    private int _loops;

    /// <summary>Hydrates an auction.</summary>
    /// <param name="isAppended">
    /// Whether the pending entries were appended. Those that are left are not in the ledger and are removed.
    /// </param>
    public Task<Hydrated> AddAsync(Guid auctionId, bool isAppended)
    {
        var request = new Request(auctionId, isAppended);
        lock (_lock)
        {
            _waiting.Enqueue(request);
            if (_loops == BatchesMax) return request.Result.Task;
            _loops++;
        }

        _ = RunAsync();
        return request.Result.Task;
    }

    private async Task RunAsync()
    {
        while (Take() is { Count: > 0 } batch)
        {
            var fault = await TryAsync(batch);
            if (fault is null) continue;
            foreach (var request in batch)
            {
                // One of them may be to blame. A store that does not answer fails all.
                var own = Recovery.IsAway(fault) || batch.Count == 1 ? fault : await TryAsync([request]);
                if (own is not null) request.Result.SetException(own);
            }
        }
    }

    private List<Request> Take()
    {
        var batch = new List<Request>();
        lock (_lock)
        {
            while (batch.Count < AuctionsMax && _waiting.TryDequeue(out var request)) batch.Add(request);
            if (batch.Count == 0) _loops--;
        }

        return batch;
    }

    /// <returns>What went wrong; null if every request has its result.</returns>
    private async Task<Exception?> TryAsync(List<Request> batch)
    {
        try
        {
            var results = await HydrateAsync(batch);
            for (var i = 0; i < batch.Count; i++) batch[i].Result.SetResult(results[i]);
            return null;
        }
        catch (Exception fault)
        {
            return fault;
        }
    }

    private async Task<Hydrated[]> HydrateAsync(List<Request> batch)
    {
        var seen = await Task.WhenAll(batch.Select(r => hotState.ReadHeadAsync(r.AuctionId, CancellationToken.None)));
        var pending = await Task.WhenAll(batch.Select(HasPendingAsync));
        Guid[] ids = [.. batch.Where((_, i) => !pending[i]).Select(r => r.AuctionId).Distinct()];
        if (ids.Length == 0) return [.. batch.Select(_ => Hydrated.Pending)];

        var heads = await ledger.ReadHeadsAsync(ids, CancellationToken.None);
        var answers = await ledger.ReadRecentAnswersAsync(
            [.. heads.Keys], Math.Min(AnswersPerAuctionMax, AnswersMax / ids.Length), CancellationToken.None);
        return await Task.WhenAll(batch.Select(async (request, i) =>
        {
            if (pending[i]) return Hydrated.Pending;
            if (!heads.TryGetValue(request.AuctionId, out var head)) return new Hydrated(null, HasPending: false);
            await hotState.HydrateAsync(
                request.AuctionId, seen[i], head, [.. answers[request.AuctionId]], CancellationToken.None);
            return new Hydrated(head, HasPending: false);
        }));
    }

    private async Task<bool> HasPendingAsync(Request request) => !request.IsAppended
        && (await hotState.ReadPendingAsync(request.AuctionId, CancellationToken.None)).Count > 0;

    private sealed record Request(Guid AuctionId, bool IsAppended)
    {
        public TaskCompletionSource<Hydrated> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>The result of a hydration.</summary>
/// <param name="Head">The ledger's head; null if there is no such auction.</param>
/// <param name="HasPending">Whether nothing was done, because pending entries must be appended first.</param>
internal readonly record struct Hydrated(Head? Head, bool HasPending)
{
    public static Hydrated Pending { get; } = new(null, HasPending: true);
}
